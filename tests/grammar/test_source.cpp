#include "compiler/source/diagnostic.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace tpc::source;

TEST_CASE("positions count characters") {
    const File file{"a.tp", "αβγ = 1\r\nx\n"};
    CHECK(position_of(file, 7).column == 5); // the '='
    CHECK(position_of(file, 12).line == 2);
    CHECK(position_of(file, 14).line == 3);
    CHECK(position_of(file, 999).line == 3);
    CHECK(line_at(file, 3) == "αβγ = 1");
    CHECK(line_at(file, 12) == "x");
}

TEST_CASE("diagnostics are sorted, shown once, and carry notes") {
    const Files files{{{"net.tp", "y = 1\nh = W @ x[l-1] + b\n"}}};
    Diagnostics diagnostics;
    const Span read{0, 14, 20};
    diagnostics.report(Id::unexpected_character, read, "x", "remove it").note({0, 0, 1}, "see here");
    diagnostics.report(Id::unexpected_character, read, "x", "remove it");
    diagnostics.report(Id::number_point, {0, 4, 5});
    CHECK(diagnostics.has_errors());
    CHECK(render(diagnostics, files) == "net.tp:1:5: error: a number needs digits on both sides of its point\n"
                                        "    1 | y = 1\n"
                                        "      |     ^\n"
                                        "net.tp:2:9: error: unexpected character x: remove it\n"
                                        "    2 | h = W @ x[l-1] + b\n"
                                        "      |         ^~~~~~\n"
                                        "net.tp:1:1: note: see here\n");
    const auto json = nlohmann::json::parse(render_json(diagnostics, files));
    REQUIRE(json.size() == 2);
    CHECK(json[1]["id"] == "unexpected_character");
    CHECK(json[1]["line"] == 2);
    CHECK(json[1]["end_column"] == 15);
    CHECK(json[1]["notes"][0]["text"] == "see here");
    CHECK(nlohmann::json::parse(render_json({}, files)).empty());
}

TEST_CASE("the nearest name") {
    const std::vector<std::string> names{"bias", "relu", "σ_w", "W", "leaky_relu"};
    CHECK(nearest("bais", names) == "bias");
    CHECK(nearest("baas", names) == "bias");
    CHECK(nearest("rellu", names) == "relu");
    CHECK(nearest("σ_b", names) == "σ_w");
    CHECK(nearest("leakyrelu", names) == "leaky_relu");
    CHECK(nearest("zeta", names).empty());
    CHECK(nearest("V", names).empty());
}
