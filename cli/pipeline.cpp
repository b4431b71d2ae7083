#include "cli/pipeline.hpp"

#include "cli/agreement.hpp"
#include "cli/commands.hpp"
#include "cli/library.hpp"
#include "compiler/bind/build.hpp"
#include "compiler/check/several_sizes.hpp"
#include "compiler/resolve/resolve.hpp"
#include "grammar/load.hpp"
#include "grammar/parse.hpp"
#include "runtime/io/input_file.hpp"
#include "runtime/io/output_file.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>

namespace tpc::cli {
namespace {

using source::Id;

resolve::Options resolve_options(const Common& options) {
    resolve::Options result;
    result.rates = options.rates == "variance" ? resolve::Rates::variance : resolve::Rates::unit;
    for (const std::string& define : options.defines) {
        const std::size_t equal = define.find('=');
        if (equal == std::string::npos || equal == 0)
            throw Failure{usage_error, fmt::format("-D {}: write -D name=value", define)};
        if (!result.defines.emplace(define.substr(0, equal), define.substr(equal + 1)).second)
            throw Failure{usage_error, fmt::format("-D {} is given twice", define.substr(0, equal))};
    }
    return result;
}

bool is_usage(const source::Diagnostic& diagnostic) {
    return diagnostic.id == Id::unknown_define || diagnostic.id == Id::bad_define;
}

// Reasons that leave the outputs combinations of readouts: the recursions still have a meaning, as a heuristic.
bool leaves_readouts(const source::Diagnostic& diagnostic) {
    return source::severity_of(diagnostic.id) != source::Severity::error || diagnostic.id == Id::gia_readout_reused ||
           diagnostic.id == Id::gia_both_transposes;
}

bool is_gia(const source::Diagnostic& diagnostic) {
    return source::name_of(diagnostic.id).starts_with("gia_");
}

} // namespace

std::string read_text(const std::string& path) {
    auto file = io::InputFile::open(path);
    if (!file)
        throw Failure{data_error, file.error().text};
    std::string text;
    std::array<char, 65536> block{};
    for (;;) {
        const ssize_t count = ::read(file->descriptor(), block.data(), block.size());
        if (count < 0)
            throw Failure{data_error, path + ": cannot be read"};
        if (count == 0)
            return text;
        text.append(block.data(), static_cast<std::size_t>(count));
        if (text.size() > grammar::largest_file)
            throw Failure{data_error,
                          fmt::format("{}: longer than {} MB: this is no program", path, grammar::largest_file >> 20)};
    }
}

void write_text(const std::string& path, const std::string& text) {
    auto file = io::OutputFile::create(path);
    if (!file)
        throw Failure{data_error, file.error().text};
    if (const auto written = file->write_at(0, text.data(), text.size()); !written)
        throw Failure{data_error, written.error().text};
    if (const auto done = file->commit(); !done)
        throw Failure{data_error, done.error().text};
}

ast::Tree parse(Session& session) {
    session.files.files.push_back({session.options.file, read_text(session.options.file)});
    std::optional<ast::Tree> tree;
    const bool good = session.clean([&](auto& found) { tree = grammar::parse(session.files, 0, found); });
    if (!good || !tree)
        throw Failure{program_error, ""};
    return std::move(*tree);
}

ast::Tree load(Session& session) {
    session.files.files.push_back({session.options.file, read_text(session.options.file)});
    std::optional<ast::Tree> tree;
    const grammar::Loading loading{library_folders()};
    session.clean([&](auto& found) { tree = grammar::load(session.files, loading, found); });
    if (!tree)
        throw Failure{program_error, ""};
    return std::move(*tree);
}

ir::Program compile(Session& session) {
    const resolve::Options options = resolve_options(session.options);
    const ast::Tree tree = load(session);
    std::optional<ir::Program> program;
    const bool good = session.clean([&](auto& found) { program = resolve::resolve(tree, session.files, options, found); });
    if (!good || !program)
        throw Failure{std::ranges::any_of(session.diagnostics.list, is_usage) ? usage_error : program_error, ""};
    return std::move(*program);
}

void verify(Session& session, const ir::Program& program, const ir::Sizes& sizes) {
    if (!session.clean([&](auto& found) { resolve::verify_elements(program, sizes, found); }))
        throw Failure{program_error, ""};
}

ir::Sizes verify_small(Session& session, const ir::Program& program) {
    const ir::Sizes sizes = resolve::small_sizes(program);
    try {
        verify(session, program, sizes);
    } catch (const Failure&) {
        session.show_diagnostics();
        tell_chosen(program, sizes);
        throw;
    }
    return sizes;
}

check::Verdict judge(Session& session, ir::Program& program, const ir::Sizes& sizes, const std::vector<ir::Sizes>& others) {
    const auto given = program.sizes;
    for (const auto& [symbol, size] : sizes)
        program.sizes[symbol] = size;
    check::Verdict verdict;
    session.clean([&](auto& found) { verdict = check::check(program, found, others); });
    program.sizes = given;
    session.result["verdict"] = {{"holds", verdict.holds}, {"reasons", verdict.reasons}};
    return verdict;
}

void require_justified(Session& session, const check::Verdict& verdict) {
    if (verdict.holds)
        return;
    session.show_diagnostics();
    if (session.options.exact)
        throw Failure{refused,
                      "the simple GIA check fails, and the limit that does without it (--exact) is not part of this "
                      "version: nothing is computed"};
    if (!session.options.assume_gia)
        throw Failure{refused,
                      "the simple GIA check fails: nothing is computed (--assume-gia computes the heuristic all the "
                      "same where the outputs are readouts)"};
    const auto reasons = [](const auto& diagnostic) { return is_gia(diagnostic) && !leaves_readouts(diagnostic); };
    if (std::ranges::any_of(session.diagnostics.list, reasons))
        throw Failure{refused,
                      "--assume-gia cannot help here: the outputs are not combinations of readouts v' @ x / sqrt(n)"};
    session.result["heuristic"] = true;
    session.warn(
        "the simple GIA check fails: as --assume-gia asks, this is the heuristic's answer, which may differ from the "
        "limit");
}

check::Verdict judge(Session& session, ir::Program& program, const std::vector<const Samples*>& groups) {
    for (const Samples* group : groups)
        verify(session, program, group->sizes);
    require_agreement(program, groups);
    check::Verdict verdict;
    for (const Samples* group : groups) {
        std::vector<ir::Sizes> others;
        for (const Samples* other : groups)
            if (other->sizes != group->sizes)
                others.push_back(other->sizes);
        verdict = judge(session, program, group->sizes, others);
        if (!verdict.holds)
            break;
    }
    return verdict;
}

network::Network prepare(Session& session, ir::Program program, const std::vector<const Samples*>& groups) {
    check::Verdict verdict = judge(session, program, groups);
    require_justified(session, verdict);
    return network::name_preactivations(std::move(program), std::move(verdict.terms));
}

plan::Plan build_plan(Session& session, const network::Network& network, const ir::Sizes& left, const ir::Sizes& right,
                      bool tangent) {
    std::optional<plan::Plan> plan;
    const bool good = session.clean([&](auto& found) { plan = plan::build(network, left, right, tangent, found); });
    if (!good || !plan)
        throw Failure{out_of_reach, ""};
    return std::move(*plan);
}

} // namespace tpc::cli
