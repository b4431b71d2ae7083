// Everything that declares: program, input, parameters of the network, functions, the heads of blocks, their uses, imports.
#include "grammar/rules.hpp"

namespace tpc::grammar {

namespace {

using ast::HeaderParameter;
using ast::Name;
using ast::Random;
using ast::RandomKind;

template <auto member, auto value> struct Put {
    template <class Ctx> void operator()(Ctx& context) const { x3::_val(context).*member = value; }
};
template <auto member, auto value> constexpr Put<member, value> put{};
const auto node = [](auto& context) { x3::_val(context).node = std::move(x3::_attr(context)); };

const x3::rule<struct header_parameter_id, HeaderParameter> header_parameter = "a parameter";
const x3::rule<struct header_parameters_id, std::vector<HeaderParameter>> header_parameters = "a parameter";
const x3::rule<struct program_id, ast::Program> program = "a program header";
const x3::rule<struct input_id, ast::Input> input = "an input";
const x3::rule<struct random_id, Random> random = "a parameter of the network";
const x3::rule<struct random_kind_id, RandomKind> random_kind = "'matrix', 'vector' or 'scalar'";
const x3::rule<struct function_id, ast::Function> function = "a function";
const x3::rule<struct use_id, ast::Use> use = "a use of a block";
const x3::rule<struct use_value_id, std::pair<Name, ast::Expr>> use_value = "a name";

const auto header_parameter_def =
    name_token[set(&HeaderParameter::name)] >>
    -(colon > Word("int")[put<&HeaderParameter::type, ast::ParameterType::integer>]) >>
    -(equals > expression[([](auto& context) { x3::_val(context).value = std::move(x3::_attr(context)); })]);

const auto append_parameter = [](auto& context) {
    HeaderParameter& parameter = x3::_attr(context);
    parameter.span = parameter.name.span;
    if (parameter.value)
        parameter.span.end = parameter.value->span.end;
    x3::_val(context).push_back(std::move(parameter));
};
const auto header_parameters_def = header_parameter[append_parameter] >> *(comma > header_parameter[append_parameter]);

const auto program_def = Word("program") > name_token[set(&ast::Program::name)] >
                         -(open_parenthesis > -header_parameters[set(&ast::Program::parameters)] > close_parenthesis);

const auto input_def = Word("input") > name_token[set(&ast::Input::name)] > colon > Word("R") >
                       -(open_index > arguments[set(&ast::Input::axes)] > close_index);

struct TakeKind {
    RandomKind kind;
    template <class Ctx> void operator()(Ctx& context) const { x3::_val(context) = kind; }
};
const auto random_kind_def = Word("matrix")[TakeKind{RandomKind::matrix}] | Word("vector")[TakeKind{RandomKind::vector}] |
                             Word("scalar")[TakeKind{RandomKind::scalar}];

const auto random_def = ((Word("frozen")[put<&Random::frozen, true>] > random_kind[set(&Random::kind)]) |
                         random_kind[set(&Random::kind)]) > name_token[set(&Random::name)] >
                        -(open_index > ranges[set(&Random::family)] > close_index) > Symbol("~") >
                        Word("N") > open_parenthesis > expression[set(&Random::mean)] > comma
                        > expression[set(&Random::variance)] > Symbol(")") >
                        -(Word("rate") >
                          expression[([](auto& context) { x3::_val(context).rate = std::move(x3::_attr(context)); })]);

const auto function_def = Word("fn") > name_token[set(&ast::Function::name)] > open_parenthesis >
                          name_token[append_to(&ast::Function::arguments)] >
                          *(comma > name_token[append_to(&ast::Function::arguments)]) > close_parenthesis > equals
                          > expression[set(&ast::Function::body)];

const auto use_value_def = name_token[([](auto& context) { x3::_val(context).first = std::move(x3::_attr(context)); })] >
                           equals >
                           expression[([](auto& context) { x3::_val(context).second = std::move(x3::_attr(context)); })];

const auto use_def = Word("use") > name_token[set(&ast::Use::block)] >
                     -(open_parenthesis > -(use_value[append_to(&ast::Use::values)] >>
                                            *(comma > use_value[append_to(&ast::Use::values)])) > close_parenthesis) >
                     Word("as") > name_token[set(&ast::Use::alias)] >
                     -(open_index > ranges[set(&ast::Use::family)] > close_index);

// `(p = 1; x)`, `(; x)` or `(x)`: without a ';' the list names the arguments.
const auto as_arguments = [](auto& context) {
    for (HeaderParameter& parameter : x3::_attr(context)) {
        if (parameter.value || parameter.type != ast::ParameterType::real)
            state_of(context).diagnostics.report(source::Id::argument_with_default, parameter.span);
        x3::_val(context).arguments.push_back(std::move(parameter.name));
    }
};

BOOST_SPIRIT_DEFINE(header_parameter, header_parameters, program, input, random, random_kind, function, use, use_value)

} // namespace

const auto declaration_def = (program[node] > after_declaration) | (input[node] > after_declaration) |
                             (random[node] > after_declaration) | (function[node] > after_expression) |
                             (use[node] > after_declaration) | (Word("import") > path_token[node] > after_declaration);

const auto block_head_def = Word("block") > name_token[set(&ast::Block::name)] > open_parenthesis >
                            -(&(x3::omit[-header_parameters] >> Symbol(";")) >>
                              (-header_parameters[set(&ast::Block::parameters)] >> Symbol(";"))) >
                            -header_parameters[as_arguments] > close_parenthesis;

BOOST_SPIRIT_DEFINE(declaration, block_head)
BOOST_SPIRIT_INSTANTIATE(declaration_type, Iterator, Context)
BOOST_SPIRIT_INSTANTIATE(block_head_type, Iterator, Context)

} // namespace tpc::grammar
