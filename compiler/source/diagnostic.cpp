#include "compiler/source/diagnostic.hpp"

#include <algorithm>
#include <iterator>

namespace tpc::source {

namespace {

struct Entry {
    std::string_view name;
    Severity severity;
    std::string_view text;
};

Entry entry_of(Id id) {
    using enum Severity;
    static constexpr Entry table[] = {
#define TPC_DIAGNOSTIC(id, severity, text) {#id, severity, text},
#include "compiler/source/diagnostics.def"
#undef TPC_DIAGNOSTIC
    };
    return table[static_cast<std::size_t>(id)];
}

} // namespace

std::string_view name_of(Id id) {
    return entry_of(id).name;
}
Severity severity_of(Id id) {
    return entry_of(id).severity;
}
std::string_view template_of(Id id) {
    return entry_of(id).text;
}

bool Diagnostics::has_errors() const {
    return std::ranges::any_of(list, [](const Diagnostic& d) { return severity_of(d.id) == Severity::error; });
}

} // namespace tpc::source
