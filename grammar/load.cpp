#include "grammar/load.hpp"

#include "grammar/parse.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace tpc::grammar {

namespace {

namespace fs = std::filesystem;
using source::Id;
using source::Span;

constexpr std::size_t deepest = 100; // files; bounds the recursion, and what names of all of them take

// The same file has one identity, whatever the path to it.
std::string identity_of(const std::string& path) {
    std::error_code error;
    const fs::path canonical = fs::weakly_canonical(path, error);
    return error ? fs::path(path).lexically_normal().string() : canonical.string();
}

bool is_there(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
}

// Applies `visit` to the imports of a file: at its top level and in its blocks.
template <class Visit> void each_import(std::vector<ast::Stmt>& statements, const Visit& visit) {
    for (ast::Stmt& statement : statements) {
        if (auto* import = std::get_if<ast::Import>(&statement.node))
            visit(*import);
        else if (auto* block = std::get_if<ast::Block>(&statement.node))
            each_import(block->body, visit);
    }
}

class Loader {
  public:
    Loader(source::Files& all_files, const Loading& how, source::Diagnostics& sink)
        : files(all_files), loading(how), diagnostics(sink) {}

    std::optional<ast::Tree> run() {
        known.push_back({identity_of(files.files[0].path), {}, {}});
        auto root = parse_sound(files, 0, diagnostics);
        if (!root)
            return std::nullopt;
        open.push_back(0);
        follow(root->statements, 0);
        root->modules = std::move(modules);
        root->incomplete |= failed;
        return root;
    }

  private:
    struct Known {
        std::string identity;
        std::optional<std::uint32_t> module; // none while it is being read, or where it has errors
        Span imported;                       // by whom it was read
    };
    source::Files& files;
    const Loading& loading;
    source::Diagnostics& diagnostics;
    std::vector<Known> known; // as files.files
    std::vector<std::uint32_t> open;
    std::vector<ast::Module> modules;
    bool failed = false;

    void follow(std::vector<ast::Stmt>& statements, std::uint32_t file) {
        each_import(statements, [&](ast::Import& import) {
            if (const auto path = find(import, file))
                read(import, *path);
        });
    }

    template <class... Args> source::Diagnostic& fail(Id id, Span span, const Args&... args) {
        failed = true;
        return diagnostics.report(id, span, args...);
    }

    // The path of the file, relative to the importing one or else in a library.
    std::optional<std::string> find(const ast::Import& import, std::uint32_t file) {
        const fs::path wanted(import.path);
        const fs::path beside = (fs::path(files.files[file].path).parent_path() / wanted).lexically_normal();
        if (!import.path.empty() && is_there(beside))
            return beside.string();
        for (const std::string& library : loading.libraries)
            if (const fs::path path = (library / wanted).lexically_normal(); !import.path.empty() && is_there(path))
                return path.string();
        const std::string near = source::nearest(import.path, candidates(import, file));
        fail(Id::import_not_found, import.span, import.path, loading.libraries.empty() ? "" : " or in the library",
             near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
        return std::nullopt;
    }

    // The .tp files of the folders where the path leads, written as the path is.
    [[nodiscard]] std::vector<std::string> candidates(const ast::Import& import, std::uint32_t file) const {
        const fs::path wanted(import.path);
        std::vector<fs::path> roots{fs::path(files.files[file].path).parent_path()};
        roots.insert(roots.end(), loading.libraries.begin(), loading.libraries.end());
        std::vector<std::string> found;
        for (const fs::path& root : roots) {
            std::error_code error;
            const fs::path folder = root / wanted.parent_path();
            for (const auto& entry : fs::directory_iterator(folder.empty() ? fs::path(".") : folder, error))
                if (entry.path().extension() == ".tp")
                    found.push_back((wanted.parent_path() / entry.path().filename()).string());
        }
        return found;
    }

    void read(ast::Import& import, const std::string& path) {
        const std::string identity = identity_of(path);
        for (std::uint32_t file = 0; file < known.size(); ++file) {
            if (known[file].identity != identity)
                continue;
            if (std::ranges::find(open, file) != open.end())
                report_cycle(import, file);
            else
                import.module = known[file].module.value_or(ast::no_module); // its errors are known
            return;
        }
        if (open.size() > deepest) {
            fail(Id::import_depth, import.span, deepest);
            return;
        }
        std::string text;
        try {
            text = loading.read ? loading.read(path) : read_file(path);
        } catch (const std::exception& error) {
            fail(Id::import_unreadable, import.span, path, error.what());
            return;
        }
        const auto file = static_cast<std::uint32_t>(files.files.size());
        files.files.push_back({path, std::move(text)});
        known.push_back({identity, {}, import.span});
        const std::size_t before = diagnostics.list.size();
        auto tree = parse(files, file, diagnostics);
        if (tree)
            check_contents(*tree);
        if (diagnostics.list.size() > before)
            diagnostics.list[before].note(import.span, "imported here");
        if (!tree) {
            failed = true;
            return;
        }
        open.push_back(file);
        follow(tree->statements, file);
        open.pop_back();
        import.module = static_cast<std::uint32_t>(modules.size());
        known[file].module = import.module;
        modules.push_back({file, std::move(tree->statements)});
    }

    // A whole program may be imported for its blocks and functions; in a file of blocks anything else is a mistake.
    void check_contents(const ast::Tree& tree) {
        if (!tree.statements.empty() && std::holds_alternative<ast::Program>(tree.statements.front().node))
            return;
        for (const ast::Stmt& statement : tree.statements) {
            const bool fits = std::holds_alternative<ast::Function>(statement.node) ||
                              std::holds_alternative<ast::Block>(statement.node) ||
                              std::holds_alternative<ast::Import>(statement.node);
            if (!fits)
                fail(Id::import_contents, statement.span);
        }
    }

    void report_cycle(const ast::Import& import, std::uint32_t target) {
        const auto first = std::ranges::find(open, target);
        std::string chain;
        for (auto file = first; file != open.end(); ++file)
            chain += files.files[*file].path + " -> ";
        auto& error = fail(Id::import_cycle, import.span, chain + files.files[target].path);
        for (auto file = open.end(); --file != first;)
            error.note(known[*file].imported, fmt::format("{} is imported here", files.files[*file].path));
    }
};

} // namespace

std::string read_file(const std::string& path) {
    std::error_code error;
    const auto status = fs::status(path, error);
    if (!error && !fs::is_regular_file(status))
        throw std::system_error(
            std::make_error_code(fs::is_directory(status) ? std::errc::is_a_directory : std::errc::invalid_argument));
    if (const auto size = fs::file_size(path, error); !error && size > largest_file)
        throw std::system_error(std::make_error_code(std::errc::file_too_large));
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    if (stream && stream.peek() != std::ifstream::traits_type::eof())
        text << stream.rdbuf();
    if (!stream && !stream.eof())
        throw std::system_error(errno, std::generic_category());
    return std::move(text).str();
}

std::optional<ast::Tree> load(source::Files& files, const Loading& loading, source::Diagnostics& diagnostics) {
    return Loader(files, loading, diagnostics).run();
}

} // namespace tpc::grammar
