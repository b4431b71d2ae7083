#include "tests/execute/forms.hpp"

#include <catch2/catch.hpp>

namespace tpc::tests {

void check_forms(const Program& program, Settings::Form other, bool opposite, double single) {
    INFO(program.name);
    const std::string& text = program.text;
    Set left = random_set(text, 5, program.sizes, 3);
    for (auto& values : left.inputs) {
        const std::size_t size = values.size() / 5;
        for (std::size_t k = 0; k < size; ++k) {
            values[size + k] = values[k];
            if (opposite)
                values[2 * size + k] = -values[k];
        }
    }
    const Set right = random_set(text, 18, program.others, 4);
    Settings changed, backward, floats;
    changed.form = other;
    backward.options.via = execute::Via::D;
    floats.options.single = true;
    const auto found = kernels(text, left);
    CHECK(deviation(found, kernels(text, left, changed)) < 1e-12);
    CHECK(deviation(found, kernels(text, left, backward)) < 1e-8);
    CHECK(deviation(kernels(text, left, floats), found) < single);
    CHECK(deviation(kernels(text, left, right), kernels(text, left, right, changed)) < 1e-12);
}

} // namespace tpc::tests
