#include "server/server.hpp"

#include "server/analysis.hpp"
#include "server/positions.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <istream>
#include <mutex>
#include <set>
#include <thread>

namespace tpc::server {
namespace {

enum Error : int {
    parse_error = -32700,
    invalid_request = -32600,
    unknown_method = -32601,
    invalid_params = -32602,
    not_initialized = -32002
};

struct Document {
    std::string text;
    Json version;
    bool stale = true; // changed since its analysis
    Analysis analysis;
    std::vector<Declaration> names; // of the last text that could be parsed
    std::set<std::string> published;
};

// Messages as they come in: what is waiting tells whether an analysis would be out of date before it ends.
class Inbox {
  public:
    void put(std::optional<Json> message) {
        const std::scoped_lock lock(mutex_);
        waiting_.push_back(std::move(message));
        ready_.notify_one();
    }
    std::optional<Json> take() {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [&] { return !waiting_.empty(); });
        auto message = std::move(waiting_.front());
        waiting_.pop_front();
        return message;
    }
    bool empty() {
        const std::scoped_lock lock(mutex_);
        return waiting_.empty();
    }

  private:
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::optional<Json>> waiting_;
};

// A request or a notification.
bool is_call(const Json& message) {
    return message.is_object() && message.contains("method") && message["method"].is_string();
}

class Server {
  public:
    Server(std::ostream& out, const std::vector<std::string>& libraries, std::string version)
        : out_(out), version_(std::move(version)) {
        loading_.libraries = libraries;
        loading_.read = [this](const std::string& path) {
            const auto open = documents_.find(uri_of(path));
            return open == documents_.end() ? grammar::read_file(path) : open->second.text;
        };
    }

    // Nothing while the conversation goes on.
    std::optional<int> handle(const Json& message) {
        if (message.is_discarded()) {
            fail(nullptr, parse_error, "this is not JSON");
            return std::nullopt;
        }
        const Json id = message.is_object() ? message.value("id", Json()) : Json();
        if (!is_call(message)) {
            if (!message.is_object() || !(message.contains("result") || message.contains("error")))
                fail(id, invalid_request, "a message is an object with a method");
            return std::nullopt;
        }
        const std::string method = message["method"];
        if (method == "exit")
            return shut_down_ ? 0 : 1;
        const bool request = message.contains("id");
        try {
            const Json parameters = message.value("params", Json::object());
            if (request)
                answer(id, method, parameters);
            else if (initialized_ && !shut_down_)
                notice(method, parameters);
        } catch (const nlohmann::json::exception& error) {
            if (request)
                fail(id, invalid_params, error.what());
        } catch (const std::exception& error) {
            log(error.what());
            if (request)
                fail(id, invalid_params, error.what());
        }
        return std::nullopt;
    }

    void refresh() {
        for (auto& [uri, document] : documents_)
            refresh(uri, document);
    }

  private:
    std::ostream& out_;
    std::string version_;
    grammar::Loading loading_;
    bool initialized_ = false, shut_down_ = false;
    std::map<std::string, Document> documents_; // by URI

    void send(Json message) {
        message["jsonrpc"] = "2.0";
        write_message(out_, message);
    }
    void fail(const Json& id, int code, const std::string& text) {
        send({{"id", id}, {"error", {{"code", code}, {"message", text}}}});
    }
    void log(const std::string& text) {
        send({{"method", "window/logMessage"}, {"params", {{"type", 1}, {"message", text}}}});
    }
    void publish(const std::string& uri, const Json& version, Json list) {
        Json parameters{{"uri", uri}, {"diagnostics", std::move(list)}};
        if (!version.is_null())
            parameters["version"] = version;
        send({{"method", "textDocument/publishDiagnostics"}, {"params", std::move(parameters)}});
    }

    void refresh(const std::string& uri, Document& document) {
        if (!std::exchange(document.stale, false))
            return;
        const std::string path = path_of(uri);
        try {
            document.analysis = analyse(path, document.text, loading_);
        } catch (const std::exception& error) {
            log(error.what());
            return;
        }
        if (document.analysis.whole)
            document.names = document.analysis.names;
        std::set<std::string> published;
        for (auto& [file, list] : protocol_diagnostics(document.analysis)) {
            const std::string where = file == path ? uri : uri_of(file);
            publish(where, file == path ? document.version : Json(), std::move(list));
            published.insert(where);
        }
        for (const std::string& earlier : document.published)
            if (!published.contains(earlier) && earlier != uri)
                publish(earlier, Json(), Json::array());
        document.published = std::move(published);
    }

    // --- requests

    void answer(const Json& id, const std::string& method, const Json& parameters) {
        if (method == "initialize") {
            initialized_ = true;
            return send({{"id", id}, {"result", capabilities()}});
        }
        if (!initialized_)
            return fail(id, not_initialized, "initialize comes first");
        if (shut_down_)
            return fail(id, invalid_request, "the server has been shut down");
        if (method == "shutdown") {
            shut_down_ = true;
            return send({{"id", id}, {"result", nullptr}});
        }
        if (method == "textDocument/hover")
            return send({{"id", id}, {"result", hover_at(parameters)}});
        if (method == "textDocument/definition")
            return send({{"id", id}, {"result", definition_at(parameters)}});
        if (method == "textDocument/completion")
            return send({{"id", id}, {"result", completion_at(parameters)}});
        fail(id, unknown_method, "there is no method " + method);
    }

    [[nodiscard]] Json capabilities() const {
        return {{"capabilities",
                 {{"positionEncoding", "utf-16"},
                  {"textDocumentSync", {{"openClose", true}, {"change", 2}}},
                  {"hoverProvider", true},
                  {"definitionProvider", true},
                  {"completionProvider", Json::object()}}},
                {"serverInfo", {{"name", "tpc"}, {"version", version_}}}};
    }

    Document* document_of(const Json& parameters) {
        const std::string uri = parameters.at("textDocument").at("uri");
        const auto found = documents_.find(uri);
        if (found == documents_.end())
            return nullptr;
        refresh(uri, found->second);
        return &found->second;
    }

    struct Place {
        Document* document = nullptr;
        std::uint32_t offset = 0;
        Word word;
    };
    Place place_of(const Json& parameters) {
        Place place;
        place.document = document_of(parameters);
        if (place.document == nullptr)
            return place;
        place.offset = static_cast<std::uint32_t>(offset_of(place.document->text, parameters.at("position")));
        place.word = word_at(place.document->text, place.offset);
        return place;
    }

    Json hover_at(const Json& parameters) {
        const Place place = place_of(parameters);
        if (place.document == nullptr || place.word.text.empty())
            return nullptr;
        with_names(*place.document);
        const std::string text = hover(place.document->analysis, place.word.text, place.offset);
        if (text.empty())
            return nullptr;
        return {{"contents", {{"kind", "markdown"}, {"value", text}}},
                {"range", range_of(place.document->text, place.word.begin, place.word.begin + place.word.text.size())}};
    }

    Json definition_at(const Json& parameters) {
        const Place place = place_of(parameters);
        if (place.document == nullptr || place.word.text.empty())
            return nullptr;
        with_names(*place.document);
        const Analysis& analysis = place.document->analysis;
        const Declaration* found = find(analysis.names, place.word.text, place.offset);
        if (found == nullptr || found->span.file >= analysis.files.files.size())
            return nullptr;
        const source::File& file = analysis.files.files[found->span.file];
        const std::string uri =
            found->span.file == 0 ? parameters["textDocument"]["uri"].get<std::string>() : uri_of(file.path);
        return {{"uri", uri}, {"range", range_of(file.text, found->span.begin, found->span.end)}};
    }

    Json completion_at(const Json& parameters) {
        const Place place = place_of(parameters);
        if (place.document == nullptr)
            return Json::array();
        with_names(*place.document);
        return completions(place.document->analysis, place.offset);
    }

    // While a text cannot be parsed, its last names serve for those of the statements with errors.
    static void with_names(Document& document) {
        if (document.analysis.whole)
            return;
        auto& names = document.analysis.names;
        for (const Declaration& last : document.names)
            if (std::ranges::find(names, last.name, &Declaration::name) == names.end())
                names.push_back(last);
    }

    // --- notifications

    void notice(const std::string& method, const Json& parameters) {
        if (method == "textDocument/didOpen") {
            const Json& item = parameters.at("textDocument");
            Document& document = documents_[item.at("uri").get<std::string>()];
            document.text = item.at("text");
            document.version = item.value("version", Json());
            touch_all();
        } else if (method == "textDocument/didChange") {
            const auto found = documents_.find(parameters.at("textDocument").at("uri"));
            if (found == documents_.end())
                return;
            for (const Json& change : parameters.at("contentChanges"))
                apply_change(found->second.text, change);
            found->second.version = parameters["textDocument"].value("version", Json());
            touch_all();
        } else if (method == "textDocument/didClose") {
            const std::string uri = parameters.at("textDocument").at("uri");
            if (documents_.erase(uri) > 0)
                publish(uri, Json(), Json::array());
        }
    }

    // Another open file may import the one that changed.
    void touch_all() {
        for (auto& [uri, document] : documents_)
            document.stale = true;
    }
};

} // namespace

int serve(std::istream& in, std::ostream& out, const std::vector<std::string>& libraries, const std::string& version) {
    in.tie(nullptr); // reading flushes a tied stream, from another thread than the one that writes to it
    Inbox inbox;
    Server server(out, libraries, version);
    std::thread reader([&] {
        for (;;) {
            auto message = read_message(in);
            const bool last = !message || (is_call(*message) && (*message)["method"] == "exit"); // the input may stay open
            inbox.put(std::move(message));
            if (last)
                break;
        }
        inbox.put(std::nullopt);
    });
    int code = 1; // the input ended without `exit`
    while (const auto message = inbox.take()) {
        if (const auto done = server.handle(*message)) {
            code = *done;
            break;
        }
        if (inbox.empty())
            server.refresh();
    }
    reader.join();
    return code;
}

} // namespace tpc::server
