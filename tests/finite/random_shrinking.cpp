#include "tests/finite/random_program.hpp"

namespace tpc::tests {
namespace {

// Layers with one member at its default.
std::vector<Layer> simpler(const Layer& layer) {
    std::vector<Layer> result;
    const auto reset = [&](auto Layer::*member) {
        Layer cut = layer;
        cut.*member = Layer().*member;
        if (!(cut == layer))
            result.push_back(cut);
    };
    reset(&Layer::kind);
    reset(&Layer::repeat);
    reset(&Layer::mixed);
    reset(&Layer::normalised);
    reset(&Layer::centred);
    reset(&Layer::residual);
    reset(&Layer::offset);
    reset(&Layer::condition);
    reset(&Layer::bias);
    reset(&Layer::group);
    reset(&Layer::transposed);
    reset(&Layer::causal);
    reset(&Layer::training);
    reset(&Layer::activation);
    reset(&Layer::second);
    reset(&Layer::mode);
    reset(&Layer::variance);
    reset(&Layer::ones);
    reset(&Layer::inner);
    reset(&Layer::factor);
    reset(&Layer::form);
    return result;
}

} // namespace

std::vector<Spec> smaller(const Spec& spec) {
    std::vector<Spec> result;
    for (std::size_t k = 0; k < spec.layers.size(); ++k) {
        Spec cut = spec;
        cut.layers.erase(cut.layers.begin() + static_cast<std::ptrdiff_t>(k));
        result.push_back(cut);
    }
    if (spec.outputs.size() > 1)
        for (std::size_t o = 0; o < spec.outputs.size(); ++o) {
            Spec cut = spec;
            cut.outputs.erase(cut.outputs.begin() + static_cast<std::ptrdiff_t>(o));
            cut.outputs.front().shared = false;
            result.push_back(cut);
        }
    for (std::size_t k = 0; k < spec.layers.size(); ++k)
        for (const Layer& layer : simpler(spec.layers[k])) {
            Spec cut = spec;
            cut.layers[k] = layer;
            result.push_back(cut);
        }
    for (const Layer& layer : simpler(spec.first)) {
        Spec cut = spec;
        cut.first = layer;
        result.push_back(cut);
    }
    const auto reset = [&](OutputSpec& output, const OutputSpec& value, Spec& cut) {
        output = value;
        if (!(cut == spec))
            result.push_back(cut);
    };
    for (std::size_t o = 0; o < spec.outputs.size(); ++o) {
        Spec cut = spec;
        OutputSpec& output = cut.outputs[o];
        reset(output, OutputSpec{}, cut);
        const OutputSpec whole = spec.outputs[o];
        reset(output, {.kind = whole.kind, .mode = whole.mode}, cut);
        reset(output, {.bias = whole.bias, .mode = whole.mode}, cut);
    }
    if (spec.data != DataKind::plain) {
        Spec cut = spec;
        cut.data = DataKind::plain;
        result.push_back(cut);
    }
    return result;
}

Spec reduced(Spec spec, const std::function<bool(const Spec&)>& fails) {
    for (bool cut = true; cut;) {
        cut = false;
        for (const Spec& candidate : smaller(spec)) {
            if (!fails(candidate))
                continue;
            spec = candidate;
            cut = true;
            break;
        }
    }
    return spec;
}

} // namespace tpc::tests
