#include "cli/data.hpp"

#include "cli/axes.hpp"
#include "compiler/ir/print.hpp"
#include "compiler/resolve/elements_walk.hpp"
#include "runtime/io/npy.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

namespace tpc::cli {
namespace {

struct Bound {
    std::string path; // with the member's name for an archive: "X.npz, member xi"
    io::Array array;
};
using BoundInputs = std::vector<std::optional<Bound>>; // by input

std::vector<std::string> names_of(const ir::Program& program) {
    std::vector<std::string> names;
    for (const ir::Input& input : program.inputs)
        names.push_back(input.name);
    return names;
}

std::optional<std::size_t> find_input(const ir::Program& program, const std::string& name) {
    const auto found = std::ranges::find(program.inputs, name, &ir::Input::name);
    return found == program.inputs.end() ? std::nullopt : std::optional<std::size_t>(found - program.inputs.begin());
}

// "input xi : R[T, d]"
std::string declaration(const ir::Program& program, const ir::Input& input) {
    std::string text = fmt::format("input {} : R", input.name);
    for (std::size_t k = 0; k < input.axes.size(); ++k)
        text += (k == 0 ? "[" : ", ") + ir::print(ir::PrintNames{&program}, input.axes[k]);
    return input.axes.empty() ? text : text + "]";
}

struct Given {
    std::optional<std::size_t> input;
    std::string path;
};

// A path may hold a '='; before the first one stands an input's name, unless a file is named so.
Given split(const ir::Program& program, const std::string& text, const std::string& option) {
    const std::size_t equal = text.find('=');
    if (equal == std::string::npos)
        return {std::nullopt, text};
    const std::string name = text.substr(0, equal);
    if (const auto input = find_input(program, name))
        return {input, text.substr(equal + 1)};
    if (std::error_code ignored; std::filesystem::exists(text, ignored))
        return {std::nullopt, text};
    throw Failure{usage_error, fmt::format("{} {}: the program has no input {}{}", option, text, name,
                                           source::did_you_mean(name, names_of(program)))};
}

void put(const ir::Program& program, BoundInputs& bound, std::size_t input, Bound value, const std::string& option) {
    if (bound[input])
        throw Failure{usage_error, fmt::format("{}: the input {} is given twice, by {} and by {}", option,
                                               program.inputs[input].name, bound[input]->path, value.path)};
    bound[input] = std::move(value);
}

// A file for one input: an array, or the member of an archive that is the only one or has the input's name.
Bound one_array(const ir::Program& program, std::size_t input, const std::string& path, std::vector<io::Member> members) {
    if (members.size() == 1)
        return {path, std::move(members[0].array)};
    const auto found = std::ranges::find(members, program.inputs[input].name, &io::Member::name);
    if (found == members.end())
        throw Failure{data_error, fmt::format("{}: no member is named {}", path, program.inputs[input].name)};
    return {fmt::format("{} ({})", path, found->name), std::move(found->array)};
}

void read(const ir::Program& program, BoundInputs& bound, const std::string& text, const std::string& option) {
    const Given given = split(program, text, option);
    auto members = io::read_arrays(given.path);
    if (!members)
        throw Failure{data_error, members.error().text};
    const bool archive = !(members->size() == 1 && members->front().name.empty());
    if (given.input || !archive) {
        if (!given.input && program.inputs.size() != 1)
            throw Failure{usage_error, program.inputs.empty()
                                           ? fmt::format("{} {}: the program has no input", option, text)
                                           : fmt::format("{0} {1}: the program has several inputs, say which: {0} {2}={1}",
                                                         option, text, program.inputs[0].name)};
        const std::size_t input = given.input.value_or(0);
        return put(program, bound, input, one_array(program, input, given.path, std::move(*members)), option);
    }
    bool any = false; // an archive may hold more than the inputs, such as targets
    for (io::Member& member : *members)
        if (const auto input = find_input(program, member.name)) {
            put(program, bound, *input, {fmt::format("{} ({})", given.path, member.name), std::move(member.array)}, option);
            any = true;
        }
    if (!any)
        throw Failure{data_error, fmt::format("{}: no member is named as an input of the program ({})", given.path,
                                              fmt::join(names_of(program), ", "))};
}

void require_rank(const ir::Program& program, const ir::Input& input, const Bound& bound) {
    if (bound.array.shape.size() != input.axes.size() + 1)
        throw Failure{data_error, fmt::format("{}: shape {} does not fit {}: {} {} needed, samples first", bound.path,
                                              io::show_shape(bound.array.shape), declaration(program, input),
                                              input.axes.size() + 1, input.axes.empty() ? "axis is" : "axes are")};
    for (const std::size_t size : bound.array.shape)
        if (size == 0)
            throw Failure{data_error,
                          fmt::format("{}: the array of shape {} is empty", bound.path, io::show_shape(bound.array.shape))};
}

struct Law {
    double mean = 0, scale = 0, rate = 0;
    bool operator==(const Law&) const = default;
};

bool mentions(const ir::ExprTable& exprs, ir::ExprId id, const std::vector<bool>& differs) {
    const auto in = [&](const ir::Affine& a) {
        return std::ranges::any_of(a.terms, [&](const auto& term) { return differs[static_cast<std::size_t>(term.first)]; });
    };
    const ir::Node& node = exprs[id];
    return in(node.affine) ||
           std::ranges::any_of(node.ranges, [&](const ir::Range& r) { return in(r.lower) || in(r.upper); }) ||
           std::ranges::any_of(node.children, [&](ir::ExprId child) { return mentions(exprs, child, differs); });
}

// Laws of all members of a family at the sizes of one set.
std::map<std::vector<std::int64_t>, Law> laws(const ir::Program& program, const ir::Parameter& parameter,
                                              const ir::Sizes& sizes) {
    std::map<std::vector<std::int64_t>, Law> result;
    resolve::elements::Walk walk(program, sizes, resolve::elements::default_budget);
    walk.for_each(parameter.family, parameter.span, [&] {
        std::vector<std::int64_t> member;
        for (const ir::Range& range : parameter.family)
            member.push_back(walk.value(range.index));
        result[member] = {walk.number(parameter.mean), walk.number(parameter.scale), walk.number(parameter.rate)};
    });
    return result;
}

void require_equal_laws(const ir::Program& program, const ir::Parameter& parameter, const Samples& left,
                        const Samples& right) {
    const auto ours = laws(program, parameter, left.sizes);
    for (const auto& [member, law] : laws(program, parameter, right.sizes)) {
        const auto found = ours.find(member);
        if (found == ours.end() || found->second == law)
            continue;
        const std::string name = parameter.name + (member.empty() ? "" : fmt::format("[{}]", fmt::join(member, ", ")));
        const Law& other = found->second;
        const char* what = other.mean != law.mean ? "mean" : other.scale != law.scale ? "variance" : "rate";
        throw Failure{data_error, fmt::format("the {} of {} differs between the two sample sets, whose axes differ in size",
                                              what, name)};
    }
}

} // namespace

Samples read_samples(const ir::Program& program, const std::vector<std::string>& files, const std::string& option) {
    BoundInputs bound(program.inputs.size());
    for (const std::string& text : files)
        read(program, bound, text, option);

    Samples samples;
    samples.set.samples = 1; // of a program without inputs
    std::vector<AxisSize> shapes;
    for (std::size_t k = 0; k < bound.size(); ++k) {
        const ir::Input& input = program.inputs[k];
        if (!bound[k])
            throw Failure{usage_error, fmt::format("no data for the input {0}: give {1} {0}=FILE.npy", input.name, option)};
        require_rank(program, input, *bound[k]);
        const auto& shape = bound[k]->array.shape;
        for (std::size_t axis = 0; axis < input.axes.size(); ++axis)
            shapes.push_back({input.axes[axis], static_cast<std::int64_t>(shape[axis + 1]),
                              fmt::format("axis {} of {}", axis + 1, bound[k]->path)});
        if (k > 0 && shape[0] != samples.set.samples)
            throw Failure{data_error, fmt::format("{} holds {} samples and {} holds {}", bound[0]->path, samples.set.samples,
                                                  bound[k]->path, shape[0])};
        samples.set.samples = shape[0];
    }
    samples.sizes = solve_axes(program, shapes);
    for (auto& value : bound) {
        samples.shapes.push_back(std::move(value->array.shape));
        samples.set.inputs.push_back({std::move(value->array.values)});
    }
    return samples;
}

void require_agreement(const ir::Program& program, const Samples& left, const Samples& right) {
    std::vector<bool> differs(program.symbols.size());
    for (const auto& [symbol, size] : left.sizes)
        differs[static_cast<std::size_t>(symbol)] = right.sizes.at(symbol) != size;
    if (std::ranges::find(differs, true) == differs.end())
        return;
    for (const ir::Parameter& parameter : program.parameters) {
        if (parameter.reads) {
            const auto size = [&](const ir::Sizes& sizes) {
                return ir::evaluate(*parameter.reads, [&](ir::Symbol s) { return sizes.at(s); });
            };
            if (size(left.sizes) != size(right.sizes))
                throw Failure{data_error, fmt::format("the matrix {} reads the axis {}, whose size differs between the two "
                                                      "sample sets: {} and {}",
                                                      parameter.name, ir::print(ir::PrintNames{&program}, *parameter.reads),
                                                      size(left.sizes).value_or(0), size(right.sizes).value_or(0))};
        }
        if (mentions(program.exprs, parameter.mean, differs) || mentions(program.exprs, parameter.scale, differs) ||
            mentions(program.exprs, parameter.rate, differs))
            require_equal_laws(program, parameter, left, right);
    }
}

} // namespace tpc::cli
