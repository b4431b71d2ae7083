#include "compiler/limit/deviations.hpp"

#include "compiler/ir/fresh_names.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace tpc::limit {

using namespace ir;

namespace {

using OneMeans = std::vector<std::optional<double>>; // by family

std::optional<double> plain_number(const ExprTable& table, ExprId e) {
    return table[e].op == Op::number ? std::optional(table[e].number) : std::nullopt;
}

// A number times what is none.
struct Multiple {
    double factor = 1;
    std::optional<ExprId> of;
};
Multiple multiple(const ExprTable& table, ExprId e) {
    const Node& node = table[e];
    if (const auto value = plain_number(table, e))
        return {*value, std::nullopt};
    if (node.op != Op::apply || (node.function != Function::neg && node.function != Function::mul))
        return {1, e};
    Multiple product = multiple(table, node.children[0]);
    if (node.function == Function::neg)
        return {-product.factor, product.of};
    const Multiple other = multiple(table, node.children[1]);
    if (product.of && other.of)
        return {1, e};
    return {product.factor * other.factor, product.of ? product.of : other.of};
}

// Of a linear statement whose operands have these means.
std::optional<double> one_mean_of(const Program& program, const network::Form& form, const OneMeans& means) {
    std::map<std::optional<ExprId>, double> sums;
    for (const network::LinearTerm& term : form.terms) {
        if (term.base != network::Base::one && term.base != network::Base::read)
            continue;
        const std::optional<double> mean = term.base == network::Base::one ? std::optional(1.0) : means[term.operand];
        if (mean == 0.0)
            continue;
        if (!mean || !term.ranges.empty() || term.access.mode != IndexMode::none)
            return std::nullopt;
        const Multiple coefficient = multiple(program.exprs, term.coefficient);
        sums[coefficient.of] += coefficient.factor * *mean;
    }
    for (const auto& [of, sum] : sums)
        if (of && sum != 0)
            return std::nullopt;
    return sums[std::nullopt];
}

// Gaussians that have one mean at all indices, for all samples.
OneMeans numbers_of(const network::Network& network, const std::vector<bool>& may_have_mean) {
    const Program& program = network.program;
    OneMeans means(program.families.size());
    for (std::uint32_t f = 0; f < means.size(); ++f)
        if (!may_have_mean[f])
            means[f] = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (std::uint32_t f = 0; f < means.size(); ++f) {
            if (means[f] || !network.gaussian[f])
                continue;
            std::optional<double> common;
            bool holds = true;
            for (std::size_t k = 0; k < program.statements.size(); ++k)
                if (program.statements[k].family == f) {
                    const auto mean = one_mean_of(program, network.forms[k], means);
                    holds = holds && mean && common.value_or(*mean) == *mean;
                    common = mean;
                }
            means[f] = holds ? common : std::nullopt;
            changed = changed || means[f];
        }
    }
    return means;
}

// avg(x) of these; whether there was any.
bool put_averages(network::Network& network, const OneMeans& means) {
    ExprTable& table = network.program.exprs;
    bool found = false;
    const auto put = [&](ExprId& e) {
        e = rewrite(table, e, [&](ExprId id) -> std::optional<ExprId> {
            const Node& node = table[id];
            if (node.op != Op::mean)
                return std::nullopt;
            const Node operand = table[node.children[0]];
            if (operand.op != Op::read || operand.access.mode == IndexMode::zero || !means[operand.target])
                return std::nullopt;
            found = true;
            return table.number(*means[operand.target]);
        });
    };
    const auto put_all = [&](std::vector<network::LinearTerm>& terms) {
        for (network::LinearTerm& term : terms)
            put(term.coefficient);
    };
    for (network::Form& form : network.forms)
        put_all(form.terms);
    for (network::OutputForm& output : network.outputs)
        put_all(output.terms);
    for (std::size_t k = 0; k < network.program.statements.size(); ++k)
        if (network.forms[k].kind == network::FormKind::scalar)
            put(network.program.statements[k].value);
    return found;
}

// A sum and what it reads have their means in one place: M of a sum is one of those that it reads.
void keep_together(const network::Network& network, const std::vector<bool>& may_have_mean, OneMeans& means) {
    const Program& program = network.program;
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t k = 0; k < program.statements.size(); ++k) {
            const std::uint32_t reader = program.statements[k].family;
            for (const network::LinearTerm& term : network.forms[k].terms)
                if (network.gaussian[reader] && term.base == network::Base::read && may_have_mean[term.operand] &&
                    means[reader].has_value() != means[term.operand].has_value()) {
                    means[reader] = means[term.operand] = std::nullopt;
                    changed = true;
                }
        }
    }
}

struct Straight {
    double factor, constant; // factor z + constant
};
std::optional<Straight> straight(const ExprTable& table, ExprId e, double shift) {
    const Node& node = table[e];
    if (node.op == Op::variable)
        return Straight{1, shift};
    if (const auto value = plain_number(table, e))
        return Straight{0, *value};
    if (node.op != Op::apply || node.children.size() > 2)
        return std::nullopt;
    const auto a = straight(table, node.children[0], shift);
    const auto b = node.children.size() == 2 ? straight(table, node.children[1], shift) : Straight{0, 0};
    if (!a || !b)
        return std::nullopt;
    switch (node.function) {
    case Function::neg:
        return Straight{-a->factor, -a->constant};
    case Function::add:
        return Straight{a->factor + b->factor, a->constant + b->constant};
    case Function::sub:
        return Straight{a->factor - b->factor, a->constant - b->constant};
    case Function::mul:
        if (a->factor != 0 && b->factor != 0)
            return std::nullopt;
        return Straight{a->factor * b->constant + b->factor * a->constant, a->constant * b->constant};
    case Function::div:
        if (b->factor != 0)
            return std::nullopt;
        return Straight{a->factor / b->constant, a->constant / b->constant};
    default:
        return std::nullopt;
    }
}

// phi(z + shift), with numbers that cancel gone.
ExprId shifted(ExprTable& table, ExprId function, double shift) {
    return rewrite(table, function, [&](ExprId id) -> std::optional<ExprId> {
        const auto sum = straight(table, id, shift);
        if (!sum || sum->factor == 0)
            return std::nullopt;
        Node variable;
        variable.op = Op::variable;
        variable.type = Type::vector;
        const ExprId z = table.add(variable);
        return table.apply(Function::add,
                           {table.apply(Function::mul, {table.number(sum->factor), z}), table.number(sum->constant)});
    });
}

class DeviationWriter {
  public:
    DeviationWriter(network::Network& network, const Deviations& deviations) : network_(network), deviations_(deviations) {}

    void write() {
        network_.program.body = items(network_.program.body);
        network_.program.statements = std::move(statements_);
        network_.forms = std::move(forms_);
    }

  private:
    network::Network& network_;
    const Deviations& deviations_;
    std::vector<Statement> statements_;
    std::vector<network::Form> forms_;

    Item add(Statement statement, network::Form form) {
        statements_.push_back(std::move(statement));
        forms_.push_back(std::move(form));
        return {static_cast<std::uint32_t>(statements_.size() - 1)};
    }
    std::vector<Item> items(const std::vector<Item>& given) {
        std::vector<Item> result;
        for (const Item& item : given) {
            if (const auto* loop = std::get_if<Loop>(&item.node)) {
                result.push_back({Loop{loop->range, items(loop->body)}});
                continue;
            }
            const auto k = std::get<std::uint32_t>(item.node);
            const Statement& statement = network_.program.statements[k];
            const std::uint32_t family = statement.family, own = deviations_.of[family];
            network::Form form = network_.forms[k];
            if (form.kind == network::FormKind::activation)
                read_deviations(form);
            if (own != family) // first: what functions make of it is paired with the whole
                result.push_back(of_deviations(statement, form, own));
            if (deviations_.centred[family])
                result.push_back(of_deviations(statement, std::move(form), family));
            else
                result.push_back(add(statement, std::move(form)));
        }
        return result;
    }
    void read_deviations(network::Form& form) {
        std::uint32_t& family = form.reads[0].family;
        family = deviations_.of[family];
        if (const auto mean = deviations_.number[family])
            form.function = shifted(network_.program.exprs, form.function, *mean);
    }
    Item of_deviations(Statement statement, network::Form form, std::uint32_t own) {
        statement.family = own;
        if (deviations_.number[own])
            std::erase_if(form.terms, [](const network::LinearTerm& term) { return term.base == network::Base::one; });
        for (network::LinearTerm& term : form.terms)
            if (term.base == network::Base::read)
                term.operand = deviations_.of[term.operand];
        return add(std::move(statement), std::move(form));
    }
};

} // namespace

Deviations add_deviations(network::Network& network, std::vector<bool>& may_have_mean) {
    Program& program = network.program;
    OneMeans means = numbers_of(network, may_have_mean);
    while (put_averages(network, means))
        means = numbers_of(network, may_have_mean);
    keep_together(network, may_have_mean, means);
    const auto families = static_cast<std::uint32_t>(program.families.size());
    Deviations result;
    result.centred.resize(families, false);
    result.number.resize(families);
    FreshNames names(program);
    for (std::uint32_t f = 0; f < families; ++f) {
        result.of.push_back(f);
        if (program.families[f].type != Type::vector || !network.gaussian[f] || !may_have_mean[f])
            continue;
        if (means[f] == 0.0) { // those that it sums cancel
            result.centred[f] = true;
            result.number[f] = 0;
            may_have_mean[f] = false;
            continue;
        }
        result.of[f] = static_cast<std::uint32_t>(program.families.size());
        result.centred.push_back(true);
        result.number.push_back(means[f]);
        network.gaussian.push_back(true);
        may_have_mean.push_back(!means[f]);
        Family own = program.families[f];
        own.name = names.fresh(own.name);
        program.families.push_back(std::move(own));
    }
    for (auto f = families; f < program.families.size(); ++f)
        result.of.push_back(f);
    if (program.families.size() > families)
        DeviationWriter(network, result).write();
    return result;
}

void name_deviations(Program& program, const Deviations& deviations, const std::vector<bool>& needed) {
    for (std::uint32_t f = 0; f < program.families.size(); ++f)
        if (!needed[f] && deviations.of[f] != f)
            std::swap(program.families[f].name, program.families[deviations.of[f]].name);
}

} // namespace tpc::limit
