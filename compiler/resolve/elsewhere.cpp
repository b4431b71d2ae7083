#include "compiler/resolve/elsewhere.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::resolve {
namespace {

struct Known {
    std::string_view name, says; // of the library: its file
};

// The functions and blocks of library/std, by the files that hold them: tests/language/library.py holds that all are here.
constexpr Known library[] = {
    {"attention", "attention"},   {"tied_attention", "attention"},
    {"dropout", "dropout"},       {"dropout_by", "dropout"},
    {"linear", "layers"},         {"linear_input", "layers"},
    {"dense", "layers"},          {"dense_input", "layers"},
    {"conv1d", "layers"},         {"conv1d_input", "layers"},
    {"conv2d", "layers"},         {"conv2d_input", "layers"},
    {"conv1d_wrap", "layers"},    {"conv2d_wrap", "layers"},
    {"neighbours", "layers"},     {"readout", "layers"},
    {"layernorm", "norm"},        {"layernorm_eps", "norm"},
    {"rmsnorm", "norm"},          {"batch_mean", "norm"},
    {"batch_variance", "norm"},   {"normalise", "norm"},
    {"normalise_eps", "norm"},    {"batchnorm", "norm"},
    {"mean_pool", "pooling"},     {"mean_pool2d", "pooling"},
    {"max_pool", "pooling"},      {"max_pool2d", "pooling"},
    {"mean_window", "pooling"},   {"mean_window2d", "pooling"},
    {"max_window", "pooling"},    {"max_window2d", "pooling"},
    {"rnn", "recurrent"},         {"gru", "recurrent"},
    {"lstm_memory", "recurrent"}, {"lstm_state", "recurrent"},
    {"residual", "residual"},     {"residual_scaled", "residual"},
    {"prenorm", "residual"},      {"postnorm", "residual"},
    {"feedforward", "residual"},
};

constexpr std::string_view variance = "; over coordinates it is avg((x - avg(x))^2)";
constexpr std::string_view parts = "; each part has a matrix of its own to read it, as in A @ x + B @ y";
constexpr Known others[] = {
    {"softmax", "; weights over a range are exp(e[r]) / sum(s in 1..T: exp(e[s])), and std/attention.tp holds attention"},
    {"lstm", "; import \"std/recurrent.tp\" for lstm_memory and lstm_state"},
    {"swish", "; did you mean silu?"},
    {"logistic", "; did you mean sigmoid?"},
    {"heaviside", "; did you mean step?"},
    {"ln", "; did you mean log?"},
    {"pow", "; a power is x^2"},
    {"average", "; avg(x) is over coordinates, mean(t in 1..T: x[t]) over a range"},
    {"norm", "; sqrt(avg(x^2)) is the norm over sqrt(n), which converges"},
    {"var", variance},
    {"variance", variance},
    {"std", "; over coordinates it is sqrt(avg((x - avg(x))^2))"},
    {"concat", parts},
    {"concatenate", parts},
    {"cat", parts},
    {"dot", "; an inner product is u' @ x"},
    {"matmul", "; a product is W @ x"},
    {"transpose", "; the transpose of W is W'"},
    {"range", "; a range is written 1..T"},
    {"len", "; the sizes of an input are the names of its axes, as T in input xi : R[T, d]"},
};

// Without case and underscores.
std::string plain(std::string_view name) {
    std::string letters;
    for (const char c : name)
        if (c != '_')
            letters += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    return letters;
}

} // namespace

std::string hint_for_name(std::string_view name) {
    const auto same = [wanted = plain(name)](const Known& known) { return plain(known.name) == wanted; };
    if (const auto* found = std::ranges::find_if(library, same); found != std::end(library))
        return fmt::format("; import \"std/{}.tp\" for {}", found->says, found->name);
    if (const auto* found = std::ranges::find_if(others, same); found != std::end(others))
        return std::string(found->says);
    return {};
}

} // namespace tpc::resolve
