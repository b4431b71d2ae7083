// Writes the description of a random program as .tp source, layer by layer.
#pragma once

#include "tests/finite/random_program.hpp"

#include <set>

namespace tpc::tests {

inline constexpr unsigned activation_count = 19;

// An activation of the argument; 0 is relu.
std::string call(unsigned activation, const std::string& argument);

bool halves(LayerKind kind); // the positions
bool has_matrices(LayerKind kind);
bool repeats(LayerKind kind); // may stand in a loop over depth
bool has_preactivation(LayerKind kind);
bool is_recurrent(LayerKind kind);

// The layer at hand is number k; its loops run over l (if it repeats) and i.
struct Writer {
    const Spec& spec;
    const Layer* layer = nullptr;
    std::size_t k = 0;
    unsigned halvings = 0;
    unsigned indent = 0;
    std::string last_turn = {}; // "L3, " where the layer before repeats
    std::set<unsigned> groups = {};
    std::vector<std::string> parameters = {};
    std::string declarations = {}, body = {}, outputs = {};

    // --- names

    [[nodiscard]] std::string positions() const;
    [[nodiscard]] bool looped() const;
    [[nodiscard]] std::string depth() const;
    // x of the layer before, or of the turn before.
    [[nodiscard]] std::string previous(const std::string& index) const;
    // The same under the layer's inner activation: what its matrices read.
    [[nodiscard]] std::string operand(const std::string& index) const;
    [[nodiscard]] std::string element(const char* name, const std::string& index) const;
    [[nodiscard]] std::string here() const; // a reversed recurrence counts i up and works on position P+1-i
    [[nodiscard]] const char* mode(unsigned shift = 0) const;

    // --- declarations

    // `law` is "0, 1/n".
    void declare(const char* kind, const std::string& name, const std::string& ranges, const std::string& law,
                 unsigned training);
    // Declares a matrix of the layer and gives `A @ `; `range` is that of a family, whose member is `index`.
    std::string matrix(const char* name, double variance, const std::string& range = "", const std::string& index = "a",
                       unsigned count = 1);
    std::string bias();

    // --- statements

    void line(const std::string& text);
    void open(const std::string& ranges);
    void close();
    // x[index] = value, with what every layer may add.
    void assign(const std::string& index, std::string value);
};

// Vectors computed from the inputs, if the first layer reads such.
void write_data(Writer& writer);
void write_layer(Writer& writer, const Layer& layer, std::size_t number);
// A layer of a coupled program.
void write_coupled(Writer& writer, const std::string& loop);
void write_output(Writer& writer, const OutputSpec& output, std::size_t number);

} // namespace tpc::tests
