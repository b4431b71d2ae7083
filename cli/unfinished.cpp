#include "cli/unfinished.hpp"

#include "runtime/io/output_file.hpp"
#include "runtime/rows/rows.hpp"

#include <fmt/ranges.h>

#include <llvm/Support/xxhash.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace tpc::cli {
namespace {

using Json = nlohmann::ordered_json;

template <class Value> std::string hash(const std::vector<Value>& values) {
    const llvm::StringRef bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value));
    return fmt::format("{:016x}", llvm::xxHash64(bytes));
}

std::string hash(const std::string& text) {
    return fmt::format("{:016x}", llvm::xxHash64(text));
}

std::string hash(const Dataset& data) {
    std::string parts;
    for (const Samples& group : data.groups) {
        parts += hash(group.positions);
        for (const auto& shape : group.shapes)
            parts += hash(shape);
        for (const execute::Input& input : group.set.inputs)
            parts += hash(input.values);
    }
    return hash(parts);
}

// Another build may round differently, and so may another processor.
std::string hash_of_program() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    return hash(bytes.str());
}

constexpr std::pair<const char*, const char*> meanings[] = {
    {"tpc", "another build of tpc, or another processor"},
    {"program", "another program, or other parameters"},
    {"data", "other data"},
    {"request", "another request"},
};

std::string journal_of(const std::string& out) {
    return io::part_of(out) + ".journal";
}

Json json_of(const std::vector<execute::Options::Largest>& numbers) {
    Json list = Json::array();
    for (const auto& [nngp, ntk] : numbers)
        list.push_back({nngp, ntk});
    return list;
}

std::vector<execute::Options::Largest> numbers_of(const Json& list) {
    std::vector<execute::Options::Largest> numbers;
    for (const Json& pair : list)
        numbers.push_back({pair.at(0).get<double>(), pair.at(1).get<double>()});
    return numbers;
}

void require(const io::Result<io::Done>& done) {
    if (!done)
        throw Failure{data_error, done.error().text};
}

bool is_there(const std::string& path) {
    std::error_code problem;
    return std::filesystem::exists(path, problem) && std::filesystem::file_size(path, problem) > 0;
}

} // namespace

Identity identify(const Session& session, const Dataset& left, const Dataset* right,
                  const std::vector<std::string>& request) {
    const Common& options = session.options;
    std::string program = fmt::format("{}\n", fmt::join(options.defines, "\n"));
    for (const source::File& file : session.files.files)
        program += file.text + '\0';
    Json parts;
    parts["tpc"] = fmt::format("{} {} {}", TPC_VERSION, rows::instruction_set(), hash_of_program());
    parts["program"] = hash(program);
    parts["data"] = hash(left) + (right != nullptr ? hash(*right) : "");
    parts["request"] = fmt::format("{} {} {} {} {} {} {}", options.rates, options.exact, options.assume_gia, options.dtype,
                                   options.tolerance.value_or(0), options.seed, fmt::join(request, " "));
    return {parts};
}

Unfinished::Unfinished(std::string out, Identity identity, const Grid& grid)
    : path_(journal_of(out)), identity_(std::move(identity)), grid_(grid) {}

std::optional<Unfinished> Unfinished::find(const std::string& out, const Identity& identity, bool replace) {
    const std::string part = io::part_of(out);
    if (!is_there(part) || replace)
        return std::nullopt;
    const auto lines = io::Journal::read(journal_of(out));
    if (!lines)
        throw Failure{data_error, lines.error().text};
    const auto other = [&](const std::string& what) {
        return Failure{data_error,
                       fmt::format("{} is what an unfinished run has left, of {}: remove it, or give --restart to "
                                   "begin anew",
                                   part, what)};
    };
    if (lines->empty())
        throw other("which nothing is known");
    const Json head = Json::parse((*lines)[0]);
    for (const auto& [name, meaning] : meanings)
        if (head.at(name) != identity.parts.at(name))
            throw other(meaning);
    Unfinished found(out, identity, {head.at("step").get<std::size_t>(), head.at("panel").get<std::size_t>()});
    if (lines->size() > 1) {
        const Json last = Json::parse(lines->back());
        found.reached = {last.at("cells").get<std::size_t>(), numbers_of(last.at("largest")), numbers_of(last.at("errors"))};
    }
    return found;
}

Json Unfinished::head() const {
    Json head = identity_.parts;
    head["step"] = grid_.step;
    head["panel"] = grid_.panel;
    return head;
}

namespace {

std::string line_of(const Reached& reached) {
    return Json{{"cells", reached.cells}, {"largest", json_of(reached.largest)}, {"errors", json_of(reached.errors)}}.dump();
}

} // namespace

void Unfinished::open() {
    std::vector<std::string> lines{head().dump()};
    if (reached.cells > 0)
        lines.push_back(line_of(reached));
    auto journal = io::Journal::begin(path_, lines);
    if (!journal)
        throw Failure{data_error, journal.error().text};
    journal_.emplace(*std::move(journal));
}

void Unfinished::note(const Reached& now) {
    reached = now;
    require(journal_->add(line_of(now)));
}

void Unfinished::remove() {
    if (journal_)
        journal_->remove();
}

} // namespace tpc::cli
