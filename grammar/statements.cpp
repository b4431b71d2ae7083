// Statements, bodies, the file; and where parsing goes on after an error.
#include "grammar/rules.hpp"

#include <algorithm>

namespace tpc::grammar {

namespace {

using ast::Stmt;

// An error in a head is reported and parsing goes on at the body, so that errors in the body are found as well.
struct RecoverAtBody {
    template <class Ctx>
    x3::error_handler_result on_error(Iterator& first, const Iterator&, const x3::expectation_failure<Iterator>& failure,
                                      const Ctx& context) {
        const State& state = state_of(context);
        const Iterator body = state.body_begin(first);
        if (body == nullptr || body < failure.where())
            return x3::error_handler_result::rethrow;
        state.expected(failure.which(), failure.where(), first, body);
        first = body;
        return x3::error_handler_result::accept;
    }
};

// An error in a statement is reported and parsing goes on after the statement.
struct RecoverAtEnd {
    template <class Ctx>
    x3::error_handler_result on_error(Iterator& first, const Iterator&, const x3::expectation_failure<Iterator>& failure,
                                      const Ctx& context) {
        const State& state = state_of(context);
        const Iterator end = state.statement_end(first);
        state.expected(failure.which(), failure.where(), first, std::max(end, failure.where()));
        state.skipped.push_back(state.span(first, end));
        first = end;
        return x3::error_handler_result::accept;
    }
    template <class Ctx> void on_success(const Iterator& first, const Iterator& last, Stmt& statement, const Ctx& context) {
        Iterator end = last;
        while (end != first && (end[-1] == ' ' || end[-1] == '\t'))
            --end;
        statement.span = state_of(context).span(first, end);
    }
};

struct Branch {
    ast::Expr condition;
    std::vector<Stmt> body;
};

// `else if` chains are read as a list and nested here, so that no recursion goes deeper than the braces.
struct Branches {
    std::vector<Branch> list;
    std::vector<Stmt> otherwise;
};
const auto nest_branches = [](auto& context) {
    Branches& branches = x3::_attr(context);
    std::vector<Stmt> otherwise = std::move(branches.otherwise);
    for (std::size_t k = branches.list.size(); k-- > 1;) {
        Stmt inner;
        inner.span = branches.list[k].condition.span;
        inner.node = ast::If{std::move(branches.list[k].condition), std::move(branches.list[k].body), std::move(otherwise)};
        otherwise.clear();
        otherwise.push_back(std::move(inner));
    }
    x3::_val(context).node =
        ast::If{std::move(branches.list[0].condition), std::move(branches.list[0].body), std::move(otherwise)};
};

const auto node = [](auto& context) { x3::_val(context).node = std::move(x3::_attr(context)); };
const auto output_name = [](auto& context) { x3::_val(context).name = std::move(x3::_attr(context)); };
const auto target_name = [](auto& context) {
    x3::_val(context).target_span = x3::_attr(context).span;
    x3::_val(context).target = std::move(x3::_attr(context));
};
const auto target_end = [](auto& context) { x3::_val(context).target_span.end = x3::_attr(context).end; };
struct statement_id : RecoverAtEnd {};
struct for_head_id : RecoverAtBody {};
struct if_head_id : RecoverAtBody {};
struct block_guard_id : RecoverAtBody {};

const x3::rule<statement_id, Stmt> statement = "a statement";
const x3::rule<struct statement_body_id, Stmt> any_statement = "a statement";
const x3::rule<struct statements_id, std::vector<Stmt>> statements = "a statement";
const x3::rule<struct body_rule_id, std::vector<Stmt>> body = "'{'";
const x3::rule<for_head_id, std::vector<ast::Range>> for_head = "a range such as i in 1..T";
const x3::rule<if_head_id, ast::Expr> if_head = "a condition";
const x3::rule<block_guard_id, ast::Block> block_guard = "a block";
const x3::rule<struct for_id, ast::For> for_loop = "a loop";
const x3::rule<struct branch_id, Branch> branch = "a condition";
const x3::rule<struct branches_id, Branches> branches = "a condition";
const x3::rule<struct block_id, ast::Block> block = "a block";
const x3::rule<struct output_id, ast::Output> output = "an output";
const x3::rule<struct assign_id, ast::Assign> assign = "a definition";
const x3::rule<struct return_id, ast::Return> return_statement = "a return";

const auto statements_def = *(x3::omit[x3::lit('\n') | ';'] | (!(x3::lit('}') | x3::eoi) >> statement[append]));
const auto body_def = open_brace > statements[take] > close_brace;
// Without a semantic action: an action would keep the attribute from on_success.
const auto statement_def = x3::expect[any_statement];

const auto for_head_def = x3::eps > ranges[take] > before_body;
const auto for_loop_def = Word("for") > for_head[set(&ast::For::ranges)] > body[set(&ast::For::body)];

const auto if_head_def = x3::eps > expression[take] > before_body;
const auto branch_def = if_head[set(&Branch::condition)] > body[set(&Branch::body)];
const auto branches_def = Word("if") > branch[append_to(&Branches::list)] >
                          *((Word("else") >> Word("if")) > branch[append_to(&Branches::list)]) >
                          -(Word("else") > body[set(&Branches::otherwise)]);

const auto block_guard_def = &Word("block") >> (x3::eps > block_head[take] > before_body);
const auto block_def = block_guard[take] > body[set(&ast::Block::body)];

// `output f =` and `output f[i in` give a name; everything else is an expression.
const auto output_def = Word("output") >>
                        ((&(name_token >> (equals | (open_index >> name_token >> Word("in")))) >>
                          (name_token[output_name] > -(open_index > ranges[set(&ast::Output::family)] > close_index) >
                           equals > expression[set(&ast::Output::value)])) |
                         (x3::eps > expression[set(&ast::Output::value)]));

const auto assign_def = name_token[target_name] >
                        -(open_index > arguments[set(&ast::Assign::indices)] > Symbol("]")[target_end]) > equals
                        > expression[set(&ast::Assign::value)];

const auto return_statement_def = Word("return") > expression[set(&ast::Return::value)];

const auto any_statement_def = declaration[take] | (for_loop[node] > after_declaration) |
                               (branches[nest_branches] > after_declaration) | (block[node] > after_declaration) |
                               (output[node] > after_expression) | (return_statement[node] > after_expression) |
                               (assign[node] > after_expression);

BOOST_SPIRIT_DEFINE(statement, any_statement, statements, body, for_head, if_head, block_guard, for_loop, branch, branches,
                    block, output, assign, return_statement)

} // namespace

const auto file_rule_def = statements[set(&ast::Tree::statements)] >> x3::eoi;

BOOST_SPIRIT_DEFINE(file_rule)
BOOST_SPIRIT_INSTANTIATE(file_type, Iterator, Context)

} // namespace tpc::grammar
