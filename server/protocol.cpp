#include "server/protocol.hpp"

#include <algorithm>
#include <charconv>
#include <istream>
#include <ostream>
#include <string_view>

namespace tpc::server {
namespace {

constexpr std::size_t longest_message = std::size_t{1} << 26;
constexpr int deepest_message = 64; // to copy or to print what is nested takes the stack
constexpr std::string_view scheme = "file://";

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.~/").find(c) != std::string_view::npos;
}

int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

} // namespace

std::optional<Json> read_message(std::istream& in) {
    constexpr std::string_view name = "content-length:";
    std::optional<std::size_t> length;
    bool any = false;
    for (std::string line; std::getline(in, line);) {
        if (line.ends_with('\r'))
            line.pop_back();
        if (line.empty()) {
            if (!any)
                continue;
            break;
        }
        any = true;
        std::string lower = line;
        for (char& c : lower)
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        if (!lower.starts_with(name))
            continue;
        std::string_view value = std::string_view(line).substr(name.size());
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        std::size_t number = 0;
        if (std::from_chars(value.data(), value.data() + value.size(), number).ec == std::errc{})
            length = number;
    }
    if (!any && !in)
        return std::nullopt;
    if (!length)
        return Json(Json::value_t::discarded);
    if (*length > longest_message) {
        std::string skipped(longest_message, '\0');
        for (std::size_t left = *length; left > 0 && in; left -= std::min(left, skipped.size()))
            in.read(skipped.data(), static_cast<std::streamsize>(std::min(left, skipped.size())));
        return Json(Json::value_t::discarded);
    }
    std::string text(*length, '\0');
    if (!in.read(text.data(), static_cast<std::streamsize>(text.size())))
        return std::nullopt;
    return Json::parse(
        text, [](int depth, Json::parse_event_t, Json&) { return depth < deepest_message; }, false);
}

void write_message(std::ostream& out, const Json& message) {
    const std::string text = message.dump(-1, ' ', false, Json::error_handler_t::replace);
    out << "Content-Length: " << text.size() << "\r\n\r\n" << text << std::flush;
}

std::string path_of(const std::string& uri) {
    if (!uri.starts_with(scheme))
        return uri;
    std::string path;
    for (std::size_t k = scheme.size(); k < uri.size(); ++k) {
        const bool escaped = uri[k] == '%' && k + 2 < uri.size() && hex(uri[k + 1]) >= 0 && hex(uri[k + 2]) >= 0;
        path += escaped ? static_cast<char>(16 * hex(uri[k + 1]) + hex(uri[k + 2])) : uri[k];
        k += escaped ? 2 : 0;
    }
    return path;
}

std::string uri_of(const std::string& path) {
    if (!path.starts_with('/'))
        return path;
    std::string uri(scheme);
    for (const char c : path) {
        constexpr std::string_view digits = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        if (is_plain(c))
            uri += c;
        else
            uri += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
    return uri;
}

} // namespace tpc::server
