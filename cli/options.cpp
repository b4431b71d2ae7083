#include "cli/commands.hpp"

#include "runtime/io/output_file.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace tpc::cli {

CLI::Validator positive() {
    const auto refuse = [](const std::string& text) {
        double value = 0;
        const bool number = CLI::detail::lexical_cast(text, value);
        return number && value > 0 && std::isfinite(value) ? "" : fmt::format("{} is not a number above 0", text);
    };
    return {refuse, ""};
}

CLI::Validator whole(std::int64_t least) {
    const auto refuse = [least](const std::string& text) {
        std::int64_t value = 0;
        const bool number = CLI::detail::lexical_cast(text, value);
        return number && value >= least ? "" : fmt::format("{} is not a whole number from {} on", text, least);
    };
    return {refuse, ""};
}

CLI::Validator duration() {
    const auto refuse = [](const std::string& text) {
        double value = 0;
        const bool number = CLI::detail::lexical_cast(text, value);
        return number && value >= 0 ? "" : fmt::format("{} is not a number from 0 on, nor inf", text);
    };
    return {refuse, ""};
}

CLI::Validator array_file(std::vector<std::string> endings) {
    const auto refuse = [endings = std::move(endings)](const std::string& text) {
        const bool known = std::ranges::any_of(endings, [&](const std::string& ending) { return text.ends_with(ending); });
        return known ? "" : fmt::format("{}: the name of the output ends in {}", text, fmt::join(endings, " or "));
    };
    return {refuse, ""};
}

CLI::Option* add_files(CLI::App& command, const std::string& name, std::vector<std::string>& files,
                       const std::string& about) {
    return command.add_option(name, files, about)->type_name("[NAME=]FILE")->allow_extra_args(false);
}

CLI::Option* add_data(CLI::App& command, DataFiles& data, const std::string& about, const std::string& names) {
    CLI::Option* inputs = add_files(command, names.empty() ? data.option : names, data.inputs, about);
    command
        .add_option(data.lengths_option, data.lengths,
                    fmt::format("sizes of an axis along which arrays of {} are padded: integers, one a sample", data.option))
        ->type_name("AXIS=FILE")
        ->allow_extra_args(false)
        ->needs(inputs);
    return inputs;
}

Request KernelOptions::request() const {
    const auto has = [&](const char* name) { return get.empty() || std::ranges::find(get, name) != get.end(); };
    return {has("nngp"), has("ntk"), via == "D" ? execute::Via::D : execute::Via::T};
}

void add_kernel_options(CLI::App& command, KernelOptions& options) {
    command.add_option("--get", options.get, "which kernels: nngp, ntk or nngp,ntk")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::IsMember({"nngp", "ntk"}))
        ->type_name("KERNEL,...");
    command.add_option("--via", options.via, "how the NTK is summed: T, along the program, or D, backward over stored C")
        ->check(CLI::IsMember({"T", "D"}))
        ->capture_default_str();
}

CLI::Option* add_targets(CLI::App& command, TargetOptions& options, const std::string& about) {
    CLI::Option* classify =
        command.add_flag("--classify", options.classify, "targets are classes (default where they are integers)");
    command.add_flag("--regress", options.regress, "targets are numbers, even where they are integers")->excludes(classify);
    return command.add_option("--targets", options.file, about)->type_name("FILE");
}

std::string show_sizes(const ir::Program& program, const ir::Sizes& sizes, const std::function<bool(ir::Symbol)>& listed) {
    std::string text;
    for (const auto& [symbol, size] : sizes)
        if (!listed || listed(symbol))
            text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", program.info(symbol).name, size);
    return text;
}

std::string show_chosen(const ir::Program& program, const ir::Sizes& sizes) {
    return show_sizes(program, sizes, [&](ir::Symbol s) { return !program.sizes.contains(s); });
}

void tell_chosen(const ir::Program& program, const ir::Sizes& sizes) {
    if (const auto chosen = show_chosen(program, sizes); !chosen.empty())
        fmt::print(stderr, "tpc: sizes chosen: {} (-D or --input gives others)\n", chosen);
}

const Samples& largest_of(Session& session, const ir::Program& program, const Dataset& data) {
    const Samples& largest = data.groups.back();
    if (data.groups.size() > 1 && !session.options.quiet)
        fmt::print(stderr, "tpc: samples of {} sizes: this is about the largest, {}\n", data.groups.size(),
                   show_sizes(program, largest.sizes));
    return largest;
}

void tell_groups(Session& session, const Dataset& data, const char* what) {
    if (data.groups.size() > 1)
        session.inform(fmt::format("{} {} in {} groups of equal sizes\n", data.samples, what, data.groups.size()));
}

void require_writable(const std::string& path) {
    if (const auto possible = io::check_writable(path); !possible)
        throw Failure{data_error, possible.error().text};
}

void write_members(Session& session, const std::string& path, const std::vector<io::Member>& members) {
    if (path.empty())
        return;
    const auto precision = session.options.dtype == "f32" ? io::Precision::f32 : io::Precision::f64;
    if (const auto done = io::write_npz(path, members, precision); !done)
        throw Failure{data_error, done.error().text};
    session.inform(fmt::format("written to {}\n", path));
    session.result["file"] = path;
}

} // namespace tpc::cli
