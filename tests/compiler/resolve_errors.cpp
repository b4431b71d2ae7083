// One wrong line each: the message and its place.
#include "tests/compiler/resolve_support.hpp"

#include <catch2/catch.hpp>

using namespace tpc;
using testing::resolve_text;

namespace {

struct Wrong {
    std::string line;      // line 6
    std::string column_id; // "COL id" of the first error; anything else is fine too
};

std::vector<std::string> errors_of(const std::string& line) {
    const auto made = resolve_text("program test(L: int = 3, a = 2, phi = relu)\n"
                                   "input xi : R[T, d]; input eta : R[T, e]\n"
                                   "matrix U ~ N(0, 1/d); matrix W ~ N(0, 1/n); vector v ~ N(0, 1); scalar c ~ N(0, 1)\n"
                                   "fn f(z) = relu(z); block b(z) { matrix A ~ N(0, 1/n); return A @ z }\n"
                                   "x = U @ xi[1]; for t in 1..T { y[t] = W @ x; u = x }\n" +
                                   line + "\noutput v' @ x / sqrt(n)\n");
    CHECK(made.program.has_value() == !made.diagnostics.has_errors());
    std::vector<std::string> found;
    const auto places = made.places();
    for (std::size_t k = 0; k < places.size(); ++k) {
        if (source::severity_of(made.diagnostics.list[k].id) == source::Severity::error) {
            found.push_back(places[k].starts_with("6:") ? places[k].substr(2) : places[k]);
        }
    }
    return found;
}

} // namespace

TEST_CASE("errors of shape, integers and names have their place", "[resolve]") {
    const std::vector<Wrong> cases = {
        {"z = x + xi[1]", "5 finite_with_vector"},
        {"z = xi[1] + eta[1]", "5 finite_sizes"},
        {"z = relu(xi[1])", "10 finite_nonlinear"},
        {"z = avg(xi[1])", "9 average_of_finite"},
        {"z = U' @ x", "5 transposed_input_matrix"},
        {"z = U @ x", "5 reads_both"},
        {"z = U @ eta[1]", "5 reads_two_sizes"},
        {"z = W + 1", "5 matrix_arithmetic"},
        {"z = W @ W", "5 matrix_times_matrix"},
        {"z = x'", "5 row_arithmetic"},
        {"z = x' @ x'", "5 outer_product"},
        {"z = 2 @ x", "5 not_a_matrix"},
        {"z = x ^ x", "9 vector_exponent"},
        {"z = x / (a - 2)", "10 division_by_zero"},
        {"z = sqrt(-a)", "5 not_a_finite_number"},
        {"z = relu", "5 function_as_value"},
        {"z = x[1]", "5 not_a_family"},
        {"z = y[1,2]", "5 index_count"},
        {"z = xi[1,2,3]", "5 input_index_count"},
        {"z = y[a]", "7 real_as_integer"},
        {"z = y[n]", "7 width_in_integer"},
        {"z = y[T*T]", "7 not_affine"},
        {"z = y[L/2]", "7 inexact_division"},
        {"z = y[0.5]", "7 number_not_integer"},
        {"z = u", "5 local_name"},
        {"z = f(x, x)", "5 argument_count"},
        {"fn g(z) = g(z); z = g(x)", "11 recursion"},
        {"z = b(x)", "5 block_without_use"},
        {"z = q; vector q ~ N(0, 1)", "5 used_before_declaration"},
        {"z = where(x == 1, x, 0)", "11 equality_of_reals"},
        {"v = x", "1 duplicate_name"},
        {"for n in 1..2 { z[1] = x }", "5 reserved_name"},
        {"for t in 1..T { matrix M ~ N(0, 1/n) }", "24 declaration_in_loop"},
        {"for t in 1..T { output avg(y[t]) }", "17 output_in_loop"},
        {"output x", "8 output_not_scalar"},
        {"output v' @ x", "8 diverging_output"},
        {"z = exp(x' @ x) * x", "9 no_power"},
        {"z = x / n", "9 vanishing_power"},
        {"h = x' @ y[1] / sqrt(n); z = exp(h) * x", "30 readout_in_network"},
        {"z = x * (v' @ x / sqrt(n))", "10 no_power"},
        {"output avg(x) * v' @ x", "17 diverging_output"},
        {"output (x' @ x) * (v' @ x / n)", "9 diverging_output"},
        {"h = avg(x); output h * v' @ x", "24 diverging_output"},
        {"matrix M ~ N(0, 1/n^2); z = M @ x", "17 variance_vanishes"},
        {"matrix M ~ N(0, 1/sqrt(n)); z = M @ x", "17 variance_blows_up"},
        {"vector q ~ N(0, n)", "17 width_in_constant"},
        {"vector q ~ N(0, 1 - a)", "17 negative_variance"},
        {"vector q ~ N(0, c)", "17 not_deterministic"},
        {"matrix M ~ N(1, 1/n)", "14 matrix_mean"},
        {"use f as r", "5 not_a_block"},
        {"use b(s = 1) as r", "7 unknown_block_value"},
        {"for t in 1..T { z[t] = z[t] }; w = z[1]", "24 no_value"},
        {"z[1] = x; z[2] = xi[1]", "11 mixed_family"},
        {"z[1] = x; z = x", "11 index_count"},
    };
    for (const auto& [line, wanted] : cases) {
        const auto found = errors_of(line);
        INFO(line);
        REQUIRE(!found.empty());
        CHECK(found.front() == wanted);
    }
}

TEST_CASE("independent errors are all reported, and one error causes no others", "[resolve]") {
    CHECK(errors_of("z = relu(x + aa); q = W @ z + avg(z) * z; p = q + bb") ==
          std::vector<std::string>{"14 unknown_name", "51 unknown_name"});
}

TEST_CASE("programs without header, output or names of outputs", "[resolve]") {
    CHECK(resolve_text("program p\ninput xi : R\n").places() == std::vector<std::string>{"2:1 no_output"});
    CHECK(resolve_text("program p\nscalar c ~ N(0, 1)\noutput c\noutput f = 2 * c\n").places() ==
          std::vector<std::string>{"3:1 unnamed_output"});
    CHECK(resolve_text("input xi : R\n").places().size() == 1);
}
