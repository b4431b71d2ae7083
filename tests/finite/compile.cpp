#include "tests/finite/compile.hpp"

#include "compiler/resolve/resolve.hpp"
#include "grammar/load.hpp"

#include <random>
#include <stdexcept>

namespace tpc::tests {

ir::Program compile(const std::string& text, const std::map<std::string, std::string>& defines) {
    source::Files files{{{"test.tp", text}}};
    source::Diagnostics diagnostics;
    const auto tree = grammar::load(files, {{TPC_SOURCE_DIR "/library"}, {}}, diagnostics);
    std::optional<ir::Program> program;
    if (tree)
        program = resolve::resolve(*tree, files, {defines, resolve::Rates::unit}, diagnostics);
    if (!program)
        throw std::runtime_error(source::render(diagnostics, files) + text);
    return std::move(*program);
}

ir::Sizes sizes(const ir::Program& program, const std::map<std::string, std::int64_t>& by_name) {
    ir::Sizes result;
    for (std::uint32_t s = 0; s < program.symbols.size(); ++s) {
        const auto found = by_name.find(program.symbols[s].name);
        if (program.symbols[s].axis && found != by_name.end())
            result[static_cast<ir::Symbol>(s)] = found->second;
    }
    return result;
}

finite::SampleSet random_samples(const ir::Program& program, const ir::Sizes& sizes, std::size_t samples,
                                 std::uint64_t seed) {
    finite::SampleSet set{sizes, {}};
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    for (const ir::Input& input : program.inputs) {
        finite::Tensor tensor{{samples}, {}};
        std::size_t count = samples;
        for (const ir::Affine& axis : input.axes) {
            tensor.shape.push_back(ir::evaluate(axis, [&](ir::Symbol s) { return sizes.at(s); }).value());
            count *= tensor.shape.back();
        }
        for (std::size_t i = 0; i < count; ++i)
            tensor.values.push_back(normal(engine));
        set.data.push_back(std::move(tensor));
    }
    return set;
}

} // namespace tpc::tests
