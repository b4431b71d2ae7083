#include "cli/session.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace tpc::cli {

void Session::print(const std::string& text) const {
    if (!options.json)
        std::fwrite(text.data(), 1, text.size(), stdout);
}

void Session::inform(const std::string& text) const {
    if (!options.quiet)
        print(text);
}

void Session::warn(const std::string& text) {
    fmt::print(stderr, "tpc: warning: {}\n", text);
    result["warnings"].push_back(text);
}

bool Session::shows_progress() const {
    return !options.quiet && isatty(STDERR_FILENO) != 0;
}

void Session::add(source::Diagnostic diagnostic) {
    const source::Span& span = diagnostic.span;
    if (known.emplace(static_cast<int>(diagnostic.id), span.file, span.begin, span.end, diagnostic.text).second)
        diagnostics.list.push_back(std::move(diagnostic));
}

void Session::show_diagnostics() {
    source::Diagnostics fresh;
    fresh.list.assign(diagnostics.list.begin() + static_cast<std::ptrdiff_t>(shown), diagnostics.list.end());
    shown = diagnostics.list.size();
    const std::string text = source::render(fresh, files);
    std::fwrite(text.data(), 1, text.size(), stderr);
}

int finish(Session& session, int code, const std::string& error) {
    session.show_diagnostics();
    if (!error.empty())
        fmt::print(stderr, "tpc: error: {}\n", error);
    if (session.options.json) {
        session.result["diagnostics"] =
            nlohmann::ordered_json::parse(source::render_json(session.diagnostics, session.files));
        if (!error.empty())
            session.result["error"] = error;
        session.result["exit"] = code;
        const std::string text = session.result.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
        std::fwrite(text.data(), 1, text.size(), stdout);
    }
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        fmt::print(stderr, "tpc: error: standard output cannot be written\n");
        return code == success ? data_error : code;
    }
    return code;
}

} // namespace tpc::cli
