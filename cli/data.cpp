#include "cli/data.hpp"

#include "cli/axes.hpp"
#include "cli/bind.hpp"
#include "cli/lengths.hpp"
#include "compiler/ir/print.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>

namespace tpc::cli {
namespace {

// "input xi : R[T, d]"
std::string declaration(const ir::Program& program, const ir::Input& input) {
    std::string text = fmt::format("input {} : R", input.name);
    for (std::size_t k = 0; k < input.axes.size(); ++k)
        text += (k == 0 ? "[" : ", ") + ir::print(ir::PrintNames{&program}, input.axes[k]);
    return input.axes.empty() ? text : text + "]";
}

// What the files hold, before sizes are known.
struct Bindings {
    const ir::Program& program;
    std::vector<Bound> inputs; // by input
    std::vector<Lengths> lengths;
    std::size_t samples = 1; // of a program without inputs
    const DataFiles& files;
};

void require_shape(const ir::Program& program, const ir::Input& input, const std::string& path,
                   const std::vector<std::size_t>& shape, bool samples_first) {
    const std::size_t rank = input.axes.size() + (samples_first ? 1 : 0);
    if (shape.size() != rank)
        throw Failure{data_error, fmt::format("{}: shape {} does not fit {}: {} {} needed{}", path, io::show_shape(shape),
                                              declaration(program, input), rank, rank == 1 ? "axis is" : "axes are",
                                              samples_first ? ", samples first" : "")};
    if (std::ranges::find(shape, std::size_t{0}) != shape.end())
        throw Failure{data_error, fmt::format("{}: the array of shape {} is empty", path, io::show_shape(shape))};
}

void require_shapes(const Bindings& bindings) {
    for (std::size_t k = 0; k < bindings.inputs.size(); ++k) {
        const Bound& bound = bindings.inputs[k];
        if (!bound.one_by_one())
            require_shape(bindings.program, bindings.program.inputs[k], bound.path, bound.array.shape, true);
        for (std::size_t s = 0; s < bound.samples.size(); ++s)
            require_shape(bindings.program, bindings.program.inputs[k], bound.path_of(s), bound.samples[s].array.shape,
                          false);
    }
}

std::size_t count_samples(const Bindings& bindings) {
    const auto& inputs = bindings.inputs;
    for (const Bound& bound : inputs)
        if (bound.count() != inputs[0].count())
            throw Failure{data_error, fmt::format("{} holds {} samples and {} holds {}", inputs[0].path, inputs[0].count(),
                                                  bound.path, bound.count())};
    const std::size_t samples = inputs.empty() ? 1 : inputs[0].count();
    for (const Lengths& lengths : bindings.lengths)
        if (lengths.values.size() != samples)
            throw Failure{data_error, fmt::format("{} holds {} lengths for the {} samples of {}", lengths.path,
                                                  lengths.values.size(), samples, inputs[0].path)};
    return samples;
}

// Archives of one array a sample are matched by position; equal names at other positions would be a mistake.
void require_one_order(const Bindings& bindings) {
    const Bound* first = nullptr;
    for (const Bound& bound : bindings.inputs) {
        if (!bound.one_by_one())
            continue;
        if (first == nullptr)
            first = &bound;
        std::map<std::string, std::size_t> place;
        for (std::size_t s = 0; s < bound.samples.size(); ++s)
            place.emplace(bound.samples[s].name, s);
        for (std::size_t s = 0; s < first->samples.size(); ++s)
            if (const auto other = place.find(first->samples[s].name); other != place.end() && other->second != s)
                throw Failure{data_error, fmt::format("{} is sample {} of {} and sample {} of {}: samples are matched by "
                                                      "their order in the archives",
                                                      other->first, s, first->path, other->second, bound.path)};
    }
}

std::string sample_of(const Lengths& lengths, std::size_t sample) {
    return fmt::format("sample {} (counted from 0) of {}", sample, lengths.path);
}

// Lengths cut this axis of an array of all samples.
const Lengths* padding(const Bindings& bindings, const ir::Affine& axis) {
    for (const Lengths& lengths : bindings.lengths)
        if (axis.coefficient(lengths.axis) != 0)
            return &lengths;
    return nullptr;
}

// What determines the sizes of one sample, apart from what is the same for all.
std::vector<std::size_t> signature(const Bindings& bindings, std::size_t sample) {
    std::vector<std::size_t> result;
    for (const Lengths& lengths : bindings.lengths)
        result.push_back(static_cast<std::size_t>(lengths.values[sample]));
    for (const Bound& bound : bindings.inputs)
        if (bound.one_by_one())
            result.insert(result.end(), bound.samples[sample].array.shape.begin(), bound.samples[sample].array.shape.end());
    return result;
}

ir::Sizes sizes_of(const Bindings& bindings, std::size_t sample) {
    std::vector<AxisSize> shapes;
    for (const Lengths& lengths : bindings.lengths)
        shapes.push_back({ir::Affine::of(lengths.axis), lengths.values[sample], sample_of(lengths, sample)});
    for (std::size_t k = 0; k < bindings.inputs.size(); ++k) {
        const Bound& bound = bindings.inputs[k];
        const auto& axes = bindings.program.inputs[k].axes;
        for (std::size_t axis = 0; axis < axes.size(); ++axis)
            if (bound.one_by_one())
                shapes.push_back({axes[axis], static_cast<std::int64_t>(bound.samples[sample].array.shape[axis]),
                                  fmt::format("axis {} of {}", axis, bound.path_of(sample))});
            else if (padding(bindings, axes[axis]) == nullptr)
                shapes.push_back({axes[axis], static_cast<std::int64_t>(bound.array.shape[axis + 1]),
                                  fmt::format("axis {} of {}", axis + 1, bound.path)});
    }
    return solve_axes(bindings.program, shapes);
}

// The shape of what is read of an input in samples of these sizes; its padding must have room for it.
std::vector<std::size_t> cut_of(const Bindings& bindings, std::size_t input, const ir::Sizes& sizes, std::size_t sample) {
    const Bound& bound = bindings.inputs[input];
    if (bound.one_by_one())
        return bound.samples[sample].array.shape;
    std::vector<std::size_t> cut;
    for (std::size_t k = 1; k < bound.array.shape.size(); ++k) {
        const ir::Affine& axis = bindings.program.inputs[input].axes[k - 1];
        const Lengths* lengths = padding(bindings, axis);
        const auto size = ir::evaluate(axis, [&](ir::Symbol s) { return sizes.at(s); });
        const auto held = static_cast<std::int64_t>(bound.array.shape[k]);
        if (lengths != nullptr && (!size || *size < 1 || *size > held))
            throw Failure{data_error,
                          fmt::format("{} has {} = {}, which does not fit axis {} of {} ({} of the declaration), of size {}",
                                      sample_of(*lengths, sample), bindings.program.info(lengths->axis).name,
                                      sizes.at(lengths->axis), k, bound.path,
                                      ir::print(ir::PrintNames{&bindings.program}, axis), held)};
        cut.push_back(lengths != nullptr ? static_cast<std::size_t>(*size) : bound.array.shape[k]);
    }
    return cut;
}

// The first cut[0] x cut[1] x ... numbers of an array of this shape.
void append(const double* from, std::span<const std::size_t> shape, std::span<const std::size_t> cut,
            std::vector<double>& to) {
    if (shape.size() == cut.size() && std::ranges::equal(shape.subspan(std::min<std::size_t>(1, shape.size())),
                                                         cut.subspan(std::min<std::size_t>(1, cut.size())))) {
        const std::size_t count = std::accumulate(cut.begin(), cut.end(), std::size_t{1}, std::multiplies<>());
        to.insert(to.end(), from, from + count);
        return;
    }
    const std::size_t stride = std::accumulate(shape.begin() + 1, shape.end(), std::size_t{1}, std::multiplies<>());
    for (std::size_t k = 0; k < cut[0]; ++k)
        append(from + k * stride, shape.subspan(1), cut.subspan(1), to);
}

void require_finite(const std::string& path, const std::vector<std::size_t>& shape, std::span<const double> values,
                    std::size_t first = 0) {
    if (const auto bad = io::find_not_finite(shape, values, first))
        throw Failure{data_error, fmt::format("{}: {}", path, *bad)};
}

// One input of one group. Arrays that the group reads as a whole are taken, not copied.
execute::Input gather(Bound& bound, const std::vector<std::size_t>& positions, const std::vector<std::size_t>& cut) {
    execute::Input input;
    const std::size_t count = std::accumulate(cut.begin(), cut.end(), std::size_t{1}, std::multiplies<>());
    if (!bound.one_by_one() && bound.array.values.size() == positions.size() * count) {
        require_finite(bound.path, bound.array.shape, bound.array.values);
        return {std::move(bound.array.values)};
    }
    input.values.reserve(positions.size() * count);
    std::vector<std::size_t> shape{bound.count()};
    shape.insert(shape.end(), cut.begin(), cut.end());
    for (const std::size_t sample : positions) {
        if (bound.one_by_one()) {
            const io::Array& array = bound.samples[sample].array;
            require_finite(bound.path_of(sample), array.shape, array.values);
            input.values.insert(input.values.end(), array.values.begin(), array.values.end());
            continue;
        }
        const std::size_t stride = bound.array.values.size() / bound.count();
        const std::size_t before = input.values.size();
        append(bound.array.values.data() + sample * stride, std::span(bound.array.shape).subspan(1), cut, input.values);
        require_finite(bound.path, shape, std::span(input.values).subspan(before), sample * count);
    }
    return input;
}

Samples make_group(Bindings& bindings, const std::vector<std::size_t>& positions) {
    Samples group;
    group.positions = positions;
    group.all = bindings.samples;
    group.option = bindings.files.option;
    group.sizes = sizes_of(bindings, positions.front());
    group.set.samples = positions.size();
    for (std::size_t k = 0; k < bindings.inputs.size(); ++k) {
        const std::vector<std::size_t> cut = cut_of(bindings, k, group.sizes, positions.front());
        group.set.inputs.push_back(gather(bindings.inputs[k], positions, cut));
        group.shapes.push_back({positions.size()});
        group.shapes.back().insert(group.shapes.back().end(), cut.begin(), cut.end());
    }
    return group;
}

std::vector<Bound> bind_inputs(const ir::Program& program, const DataFiles& files) {
    Slots slots{files.option, "input", {}};
    for (const ir::Input& input : program.inputs)
        slots.list.push_back({input.name, input.axes.size(), declaration(program, input)});
    std::vector<Bound> inputs;
    for (auto& bound : bind_files(slots, files.inputs)) {
        if (!bound)
            throw Failure{usage_error, fmt::format("no data for the input {0}: give {1} {0}=FILE.npy",
                                                   slots.list[inputs.size()].name, files.option)};
        inputs.push_back(std::move(*bound));
    }
    return inputs;
}

} // namespace

Dataset read_data(const ir::Program& program, const DataFiles& files) {
    Bindings bindings{program, bind_inputs(program, files), read_lengths(program, files.lengths, files.lengths_option), 1,
                      files};
    require_shapes(bindings);
    bindings.samples = count_samples(bindings);
    require_one_order(bindings);

    std::map<std::vector<std::size_t>, std::vector<std::size_t>> groups;
    for (std::size_t sample = 0; sample < bindings.samples; ++sample)
        groups[signature(bindings, sample)].push_back(sample);
    Dataset data{bindings.samples, {}};
    for (const auto& [key, positions] : groups)
        data.groups.push_back(make_group(bindings, positions));
    return data;
}

Samples read_samples(const ir::Program& program, const std::vector<std::string>& inputs, const std::string& option) {
    Dataset data = read_data(program, {inputs, {}, option, ""});
    if (data.groups.size() != 1)
        throw Failure{
            usage_error,
            fmt::format("{}: samples of one size are needed here, and these differ in size: give those of one size",
                        option)};
    return std::move(data.groups.front());
}

} // namespace tpc::cli
