// What all commands share: the options that each of them has, what was found, and how they end.
#pragma once

#include "compiler/source/diagnostic.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace tpc::cli {

enum ExitCode : int {
    success = 0,
    program_error = 1,
    refused = 2,      // the simple GIA check fails, or a limit does not exist
    data_error = 3,   // unusable data, or an output that cannot be written
    out_of_reach = 4, // the tolerance, or the expectation itself, is beyond the methods
    usage_error = 64,
};

// Ends a command. The text is one line; empty where the diagnostics say it all.
struct Failure {
    ExitCode code = program_error;
    std::string text;
};

struct Common {
    std::string file;
    std::vector<std::string> defines; // name=value
    std::string rates = "unit";       // or variance
    bool exact = false;
    bool assume_gia = false;
    std::string dtype = "f64"; // or f32
    std::optional<double> tolerance;
    int threads = 0; // 0: all cores
    std::uint64_t seed = 1;
    bool quiet = false;
    bool json = false;
};

struct Session {
    Common options;
    source::Files files;
    source::Diagnostics diagnostics;
    nlohmann::ordered_json result = nlohmann::ordered_json::object(); // members of the object that --json prints
    std::set<std::tuple<int, std::uint32_t, std::uint32_t, std::uint32_t, std::string>> known; // what add has seen
    std::size_t shown = 0;                                                                     // of the diagnostics

    // Text on standard output; nothing with --json.
    void print(const std::string& text) const;
    // The same for what is no result, only information.
    void inform(const std::string& text) const;
    // One line on standard error, and in `result`.
    void warn(const std::string& text);
    // Whether a line of progress would be seen.
    [[nodiscard]] bool shows_progress() const;
    // Those found since the last call, on standard error.
    void show_diagnostics();

    // Runs a stage that takes a Diagnostics and keeps what it reports, the same thing (found at other sizes) once; whether
    // there was no error.
    void add(source::Diagnostic diagnostic);
    template <class Stage> bool clean(const Stage& stage) {
        source::Diagnostics found;
        stage(found);
        const bool good = !found.has_errors();
        for (source::Diagnostic& diagnostic : found.list)
            add(std::move(diagnostic));
        return good;
    }
};

// Shows what is left to show and gives the exit code; `error` is one line or empty.
int finish(Session& session, int code, const std::string& error);

} // namespace tpc::cli
