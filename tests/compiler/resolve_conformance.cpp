// The shared programs: those with an error show it at the expected place, all others resolve without errors.
#include "compiler/ir/print.hpp"
#include "tests/compiler/resolve_support.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace fs = std::filesystem;
using namespace tpc;

namespace {

std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

nlohmann::json read_json(const fs::path& path) {
    return nlohmann::json::parse(read(path));
}

std::map<std::string, std::string> defines_of(const nlohmann::json& entry) {
    std::map<std::string, std::string> made;
    const auto args = entry.value("args", nlohmann::json::object());
    for (const auto& [name, value] : args.items()) {
        made[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    return made;
}

testing::Resolved checked(const fs::path& file, const nlohmann::json& entry) {
    auto made = testing::resolve_text(read(file), defines_of(entry));
    if (made.program) {
        resolve::verify_elements(*made.program, resolve::small_sizes(*made.program), made.diagnostics);
    }
    return made;
}

const fs::path conformance = fs::path(TPC_SOURCE_DIR) / ".." / "shared" / "conformance";

} // namespace

TEST_CASE("the verdict programs resolve, or show their errors at the expected places", "[resolve]") {
    if (!fs::exists(conformance)) {
        WARN("the shared conformance cases are not beside the project");
        return;
    }
    const auto verdicts = read_json(conformance / "verdicts" / "verdicts.json");
    for (const auto& [name, entry] : verdicts.items()) {
        const auto made = checked(conformance / "verdicts" / name, entry);
        const auto shown = source::render(made.diagnostics, made.files);
        INFO(name << "\n" << shown);
        CHECK(made.diagnostics.has_errors() == (entry["exit"] == 1));
        for (const auto& place : entry.value("places", std::vector<std::string>{})) {
            CHECK(shown.find("test.tp:" + place + ":") != std::string::npos);
        }
        if (entry["exit"] == 1) {
            for (const auto& word : entry.value("words", std::vector<std::string>{})) {
                CHECK(shown.find(word) != std::string::npos);
            }
        }
    }
}

TEST_CASE("the kernel programs resolve without a warning", "[resolve]") {
    if (!fs::exists(conformance)) {
        WARN("the shared conformance cases are not beside the project");
        return;
    }
    for (const auto& folder : fs::directory_iterator(conformance / "kernels")) {
        const auto made = checked(folder.path() / "program.tp", read_json(folder.path() / "case.json"));
        INFO(folder.path().filename() << "\n" << source::render(made.diagnostics, made.files));
        CHECK(made.program.has_value());
        CHECK(made.diagnostics.list.empty());
    }
}
