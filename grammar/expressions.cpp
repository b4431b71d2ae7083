// Expressions, tightest last (tp.ebnf has the same names).
#include "grammar/rules.hpp"

#include <algorithm>

namespace tpc::grammar {

namespace {

using ast::Expr;
using ast::ExprKind;
using ast::Operator;
using source::Span;

// An expression and its place with the parentheses around it, which Expr::span leaves out.
struct Term {
    Expr expr;
    Span extent;
};

struct Link {
    std::vector<Span> minuses; // in front
    Term term;
    Span op; // between this link and the one before
};

Span cover(Span first, Span last) {
    return {first.file, first.begin, last.end};
}

Term binary(Term left, Span op, Operator oper, Term right, ExprKind kind = ExprKind::binary) {
    Term result;
    result.extent = result.expr.span = cover(left.extent, right.extent);
    result.expr.kind = kind;
    result.expr.op = op;
    result.expr.oper = oper;
    result.expr.children.push_back(std::move(left.expr));
    result.expr.children.push_back(std::move(right.expr));
    return result;
}

Term unary(ExprKind kind, Span op, Term operand, Span extent) {
    Term result;
    result.extent = result.expr.span = extent;
    result.expr.kind = kind;
    result.expr.op = op;
    result.expr.children.push_back(std::move(operand.expr));
    return result;
}

Term negated(const std::vector<Span>& minuses, Term operand) {
    for (auto minus = minuses.rbegin(); minus != minuses.rend(); ++minus) {
        const Span extent = cover(*minus, operand.extent);
        operand = unary(ExprKind::negate, *minus, std::move(operand), extent);
    }
    return operand;
}

// a op -b op c = a op (-(b op c)): @ and ^ group from the right, and a minus reaches over all that follows.
Term fold_right(std::vector<Link> links, Operator oper) {
    Term result = negated(links.back().minuses, std::move(links.back().term));
    for (std::size_t k = links.size() - 1; k-- > 0;) {
        result = binary(std::move(links[k].term), links[k + 1].op, oper, std::move(result));
        result = negated(links[k].minuses, std::move(result));
    }
    return result;
}

template <Operator oper, ExprKind kind = ExprKind::binary> struct Combine {
    template <class Ctx> void operator()(Ctx& context) const {
        auto& parts = x3::_attr(context);
        Term& term = x3::_val(context);
        term = binary(std::move(term), boost::fusion::at_c<0>(parts), oper, std::move(boost::fusion::at_c<1>(parts)), kind);
    }
};
template <Operator oper> constexpr Combine<oper> combine{};
template <Operator oper> constexpr Combine<oper, ExprKind::compare> compare{};

const auto append_link = [](auto& context) {
    Link& link = boost::fusion::at_c<1>(x3::_attr(context));
    link.op = boost::fusion::at_c<0>(x3::_attr(context));
    x3::_val(context).push_back(std::move(link));
};
const auto first_link = [](auto& context) { x3::_val(context).push_back({{}, std::move(x3::_attr(context)), {}}); };
const auto fold_products = [](auto& context) {
    x3::_val(context) = fold_right(std::move(x3::_attr(context)), Operator::matmul);
};
const auto fold_powers = [](auto& context) { x3::_val(context) = fold_right(std::move(x3::_attr(context)), Operator::pow); };

const auto take_number = [](auto& context) {
    x3::_val(context).extent = x3::_attr(context).span;
    x3::_val(context).expr = std::move(x3::_attr(context));
};
const auto take_name = [](auto& context) {
    Term& term = x3::_val(context);
    term.extent = term.expr.span = x3::_attr(context).span;
    term.expr.kind = ExprKind::name;
    term.expr.name = std::move(x3::_attr(context).text);
};
// true and false are numbers that keep their word.
template <bool value> struct TakeTruth {
    template <class Ctx> void operator()(Ctx& context) const {
        Term& term = x3::_val(context);
        term.extent = term.expr.span = x3::_attr(context);
        term.expr.kind = ExprKind::number;
        term.expr.name = value ? "true" : "false";
        term.expr.number = value ? 1 : 0;
        term.expr.integer = true;
    }
};
const auto take_parenthesized = [](auto& context) {
    auto& parts = x3::_attr(context);
    Term& term = x3::_val(context);
    term.expr = std::move(boost::fusion::at_c<1>(parts));
    term.extent = cover(boost::fusion::at_c<0>(parts), boost::fusion::at_c<2>(parts));
};

// What follows a primary: ' or [...] or (...); `expr` holds all but the first child.
struct Suffix {
    Expr expr;
    Span end;
};
const auto suffix_arguments = [](auto& context) { x3::_val(context).expr.children = std::move(x3::_attr(context)); };
const auto suffix_ranges = [](auto& context) {
    x3::_val(context).expr.kind = ExprKind::reduce;
    x3::_val(context).expr.ranges = std::move(x3::_attr(context));
};
const auto suffix_body = [](auto& context) { x3::_val(context).expr.children.push_back(std::move(x3::_attr(context))); };
const auto suffix_end = [](auto& context) { x3::_val(context).end = x3::_attr(context); };
template <ExprKind kind> struct SuffixKind {
    template <class Ctx> void operator()(Ctx& context) const {
        x3::_val(context).expr.kind = kind;
        x3::_val(context).expr.op = x3::_attr(context);
        x3::_val(context).end = x3::_attr(context);
    }
};
template <ast::IndexMode mode> struct TakeMode {
    template <class Ctx> void operator()(Ctx& context) const { x3::_val(context) = mode; }
};
const auto suffix_mode = [](auto& context) { x3::_val(context).expr.mode = x3::_attr(context); };

const auto apply_suffix = [](auto& context) {
    Term& term = x3::_val(context);
    Suffix& suffix = x3::_attr(context);
    Expr& expr = suffix.expr;
    const State& state = state_of(context);
    const Span extent = cover(term.extent, suffix.end);
    const bool bare = term.extent == term.expr.span; // not in parentheses
    const bool name = bare && term.expr.kind == ExprKind::name;
    if (expr.kind == ExprKind::index && !name)
        state.diagnostics.report(source::Id::not_indexable, term.extent);
    if (expr.kind == ExprKind::call && !name && !(bare && term.expr.kind == ExprKind::index))
        state.diagnostics.report(source::Id::not_callable, term.extent);
    if (expr.kind == ExprKind::reduce) {
        static constexpr std::string_view reductions[] = {"sum", "mean", "max", "min", "prod", "logsumexp"};
        const std::string_view called = name ? std::string_view(term.expr.name) : "this";
        if (std::ranges::find(reductions, called) == std::end(reductions))
            state.diagnostics.report(source::Id::not_a_reduction, term.extent, called,
                                     source::did_you_mean(called, {std::begin(reductions), std::end(reductions)}));
        expr.name = term.expr.name;
    } else
        expr.children.insert(expr.children.begin(), std::move(term.expr));
    expr.span = term.extent = extent;
    term.expr = std::move(expr);
};

const x3::rule<struct comparison_id, Term> comparison = "an expression";
const x3::rule<struct sum_id, Term> sum = "an expression";
const x3::rule<struct product_id, Term> product = "an expression";
const x3::rule<struct chain_id, Term> chain = "an expression";
const x3::rule<struct chain_links_id, std::vector<Link>> chain_links = "an expression";
const x3::rule<struct signed_power_id, Link> signed_power = "an expression";
const x3::rule<struct power_id, Term> power = "an expression";
const x3::rule<struct power_links_id, std::vector<Link>> power_links = "an expression";
const x3::rule<struct exponent_id, Link> exponent = "an expression";
const x3::rule<struct postfix_id, Term> postfix = "an expression";
const x3::rule<struct primary_id, Term> primary = "an expression";
const x3::rule<struct suffix_id, Suffix> suffix = "an argument list";
const x3::rule<struct mode_id, ast::IndexMode> index_mode = "'zero', 'wrap' or 'clamp'";
const x3::rule<struct range_id, ast::Range> range = "a range such as i in 1..T";

const auto comparison_def = sum[take] >>
                            -((Symbol("==") > sum)[compare<Operator::eq>] | (Symbol("!=") > sum)[compare<Operator::ne>] |
                              (Symbol("<") > sum)[compare<Operator::lt>] | (Symbol("<=") > sum)[compare<Operator::le>] |
                              (Symbol(">") > sum)[compare<Operator::gt>] | (Symbol(">=") > sum)[compare<Operator::ge>]);

const auto sum_def = product[take] >>
                     *((Symbol("+") > product)[combine<Operator::add>] | (Symbol("-") > product)[combine<Operator::sub>]);

const auto product_def = chain[take] >>
                         *((Symbol("*") > chain)[combine<Operator::mul>] | (Symbol("/") > chain)[combine<Operator::div>]);

const auto chain_def = chain_links[fold_products];
const auto chain_links_def = signed_power[append] >> *(Symbol("@") > signed_power)[append_link];
const auto signed_power_def = (+Symbol("-")[append_to(&Link::minuses)] > power[set(&Link::term)]) | power[set(&Link::term)];

const auto power_def = power_links[fold_powers];
const auto power_links_def = postfix[first_link] >> *(Symbol("^") > exponent)[append_link];
const auto exponent_def = (+Symbol("-")[append_to(&Link::minuses)] > postfix[set(&Link::term)]) | postfix[set(&Link::term)];

const auto postfix_def = primary[take] >> *suffix[apply_suffix];

const auto primary_def = number_token[take_number] | Word("true")[TakeTruth<true>{}] | Word("false")[TakeTruth<false>{}] |
                         name_token[take_name] | (open_parenthesis > expression > Symbol(")"))[take_parenthesized];

const auto suffix_def = Symbol("'")[SuffixKind<ExprKind::transpose>{}] |
                        (open_index[SuffixKind<ExprKind::index>{}] > arguments[suffix_arguments] >
                         -(Symbol("|") > index_mode[suffix_mode]) > close_index[suffix_end]) |
                        (open_parenthesis[SuffixKind<ExprKind::call>{}] >>
                         (close_parenthesis[suffix_end] |
                          (&(name_token >> Word("in")) >>
                           (x3::eps > ranges[suffix_ranges] > colon > expression[suffix_body] > Symbol(")")[suffix_end])) |
                          (x3::eps > arguments[suffix_arguments] > close_parenthesis[suffix_end])));

const auto index_mode_def = Word("zero")[TakeMode<ast::IndexMode::zero>{}] | Word("wrap")[TakeMode<ast::IndexMode::wrap>{}] |
                            Word("clamp")[TakeMode<ast::IndexMode::clamp>{}];

const auto range_def = name_token[set(&ast::Range::index)] > Word("in") > expression[set(&ast::Range::lower)] > dots
                       > expression[set(&ast::Range::upper)];

BOOST_SPIRIT_DEFINE(comparison, sum, product, chain, chain_links, signed_power, power, power_links, exponent, postfix,
                    primary, suffix, index_mode, range)

const auto unwrap = [](auto& context) { x3::_val(context) = std::move(x3::_attr(context).expr); };
const auto append_range = [](auto& context) {
    ast::Range& parsed = x3::_attr(context);
    parsed.span = cover(parsed.index.span, parsed.upper.span);
    x3::_val(context).push_back(std::move(parsed));
};

} // namespace

const auto expression_def = comparison[unwrap];
const auto arguments_def = expression[append] >> *(comma > expression[append]);
const auto ranges_def = range[append_range] >> *(comma > range[append_range]);

BOOST_SPIRIT_DEFINE(expression, arguments, ranges)
BOOST_SPIRIT_INSTANTIATE(expression_type, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(arguments_type, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(ranges_type, Iterator, Context)

} // namespace tpc::grammar
