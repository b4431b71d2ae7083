// Names, scopes and the program under construction: what all parts of resolve share.
#pragma once

#include "compiler/resolve/resolve.hpp"
#include "compiler/resolve/value.hpp"

#include <array>
#include <deque>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace tpc::resolve {

using source::Id;

struct Scope;

// One `use`: its parameters are families with the instance's ranges in front.
struct Instance {
    const ast::Use* use = nullptr;
    const ast::Block* block = nullptr;
    std::string name;                                // r, or outer.r
    std::map<std::string, std::uint32_t> parameters; // by their names in the block
    std::map<std::string, Instance*> instances;      // the uses in the block
    std::map<std::string, Span> failed;              // those with errors
    unsigned calls = 0;                              // call sites so far
};

enum class Kind : std::uint8_t { value, index, input, parameter, family, builtin, function, block, instance };

struct Binding {
    Kind kind = Kind::value;
    Span span;
    Value value;                         // value, index
    std::uint32_t id = 0;                // input, parameter, family
    llvm::SmallVector<Affine, 2> prefix; // indices that the scope supplies: loops around a local, an instance's member
    bool local = false;                  // family: a name without indices, local to a turn
    std::string builtin;                 // builtin
    const ast::Function* function = nullptr;
    const ast::Block* block = nullptr;
    Instance* instance = nullptr;
    Scope* home = nullptr; // function, block: where it is declared; instance: where the values of its `use` are evaluated
    llvm::SmallVector<Affine, 2> given; // instance: the first of its own indices, where r[l] is an argument
    bool argument = false;              // function, instance: under the name of an argument
};

struct Scope {
    Scope* parent = nullptr;
    std::map<std::string, Binding> names;
};

// What the statements of a family say of its elements; inferred by repetition until nothing changes.
struct FamilyType {
    std::string name;
    Shape shape = Shape::unknown;
    std::optional<Affine> size;
    std::optional<Span> readout;
    friend bool operator==(const FamilyType&, const FamilyType&) = default;
};

// A declaration `~ N(mean, variance)` before it is known what it reads.
struct Draw {
    const ast::Random* declaration = nullptr;
    Value variance;
    Value rate; // terms are empty without one
    std::optional<Span> reads_vector, reads_finite, transposed;
    std::optional<Span> number; // what it reads as a vector first is a number, here
    std::optional<Affine> size;
    bool mentioned = false; // in a branch that is not taken
};

struct Context {
    const source::Files& files;
    const Options& options;
    const std::vector<FamilyType>& known;
    Context(const source::Files& all_files, const Options& given, const std::vector<FamilyType>& types)
        : files(all_files), options(given), known(types) {}

    source::Diagnostics diagnostics;
    source::Diagnostics unanchored;     // reads of families that never get a value: reported when nothing else is wrong
    std::set<std::uint32_t> anchorless; // those families

    ir::Program program;
    std::vector<FamilyType> found; // by family
    std::vector<Draw> draws;       // by parameter
    std::deque<Scope> scopes;
    std::deque<Instance> instances;
    Scope* global = nullptr;

    // The place that is being elaborated.
    ir::Domain domain;
    std::vector<ir::Item>* body = nullptr;
    unsigned dead = 0; // branches around that are never taken
    bool in_output = false;
    std::string label;     // before the names of a block's locals: "r."
    unsigned in_block = 0; // declarations of a block are made by its `use`
    struct Result {
        std::optional<Value> value;
        const Binding* family = nullptr; // where returns under conditions go
    };
    Result* result = nullptr; // of the block that is being called
    struct Call {
        const void* callee;
        std::string name; // empty for one that the source does not have
        Span span;
        bool argument = false;                             // what is called is an argument of the caller
        std::optional<std::uint32_t> known = std::nullopt; // in Program::calls
    };
    std::vector<Call> calls;
    std::map<std::array<std::int64_t, 7>, std::uint32_t> known_calls; // by caller, place and body
    // A call whose body is about to be expanded.
    void enter(Call call, Span body);
    std::vector<Scope*> modules;   // of the imported files
    std::set<std::string> clashes; // names of the top level with two declarations: of these nothing is known
    bool incomplete = false;       // an import failed: unknown names are no errors of their own
    bool broken = false;           // statements are missing that have syntax errors
    std::vector<Span> of_numbers;  // inner products of two numbers
    unsigned depth = 0;            // of expressions within expressions, calls included
    unsigned expansions = 0;       // calls so far
    unsigned suggestions = 0;      // unknown names so far
    std::vector<unsigned> heights; // of the program's expressions
    std::set<const void*> called;  // functions and blocks
    std::deque<ast::Use> uses;     // of blocks that nothing calls: see resolve::check_uncalled

    std::map<std::string, Span> later;   // declared further down
    std::map<std::string, Span> locals;  // names that were local to a turn of some loop
    std::map<std::string, Span> indices; // of loops, sums and families so far
    std::set<std::string> used_defines;

    Scope* open(Scope* parent) {
        scopes.push_back({parent, {}});
        return &scopes.back();
    }

    // Each message at a place is reported once; inside functions and blocks the calls are noted.
    source::Diagnostic& add(Id id, Span span, std::string text);
    template <class... Args> source::Diagnostic& report(Id id, Span span, const Args&... args) {
        return add(id, span, fmt::format(fmt::runtime(source::template_of(id)), args...));
    }

    // Whether a statement or a file that cannot be read may give this name.
    std::set<std::string> unclear;
    [[nodiscard]] bool may_exist(const std::string& name) const { return incomplete || unclear.contains(name); }

    // Whether one more call may be expanded; reports it where not.
    bool may_call(const void* callee, const std::string& name, Span span, Span declared);
    // Whether an expression is flat enough for the recursions of all stages; reports it where not.
    bool flat(ExprId expr, Span span);

  private:
    source::Diagnostic repeated_;
    std::set<std::tuple<Id, std::uint32_t, std::uint32_t, std::uint32_t, std::string>> reported_;
};

// Whether a call of `callee` would go on for ever: it is running, and not only as what called the function that is now
// called through an argument, as in residual(f, x) = x + f(x) with an f that calls residual itself.
bool is_recursive(const Context& context, const void* callee);

const Binding* find(const Scope* scope, const std::string& name);
bool is_builtin(const std::string& name);
bool is_number(const Context& context, ExprId expr, double value);

// Reports an unknown name with the nearest known one, or says that it is declared later or was local to a loop.
void report_unknown(Context& context, const Scope* scope, const std::string& name, Span span);

// Binds a name that may hide an outer one (loop index, argument, block local), with a warning where that confuses.
void bind(Context& context, Scope* scope, const ast::Name& name, Binding binding);

// True, with an error, for `n`.
bool is_reserved(Context& context, const ast::Name& name);
void warn_builtin(Context& context, const ast::Name& name);

Value bad_value(Context& context, Span span, Shape shape = Shape::unknown);

} // namespace tpc::resolve
