// Derives the equations on demand, from the outputs back: an equation for a pair of statements is made for the affine hull
// of the pairs of instances that something needs (limits.md section 7: demand, zeros).
#include "compiler/limit/form.hpp"
#include "compiler/limit/index_space.hpp"
#include "compiler/limit/recursion.hpp"
#include "compiler/limit/sources.hpp"

#include <algorithm>
#include <deque>
#include <map>

namespace tpc::limit {
namespace {

using namespace ir;
using passes::Map;
using passes::Set;

// A statement or an output: what a pair is made of.
struct Unit {
    std::uint32_t family = 0; // no family for outputs
    bool output = false;
    Domain domain;
    std::vector<Affine> indices;
    Form form;
    source::Span span;
};

struct PairKey {
    bool self;
    std::size_t left, right;
    auto operator<=>(const PairKey&) const = default;
};

struct PairNode {
    Set demand; // over the left, then the right loops
    Equation equation;
    bool queued = false;
};

class Deriver {
  public:
    Deriver(const Network& network, const DeriveOptions& options) : options_(options) {
        result_.network = network;
        result_.tangent = options.tangent;
        Program& program = result_.network.program;
        result_.left_symbols = static_cast<std::uint32_t>(program.symbols.size());
        for (std::uint32_t k = 0; k < result_.left_symbols; ++k) {
            SymbolInfo info = program.symbols[k];
            info.name += "_";
            program.symbols.push_back(info);
        }
        expand_parameter_means();
        find_means();
        drop_zero_means();
        for (std::size_t k = 0; k < program.statements.size(); ++k) {
            const Statement& statement = program.statements[k];
            units_.push_back(
                {statement.family, false, statement.domain, statement.indices, result_.network.forms[k], statement.span});
        }
        for (const OutputForm& output : result_.network.outputs) {
            Unit unit{0, true, {output.family, {}}, {}, {}, output.span};
            for (const Range& range : output.family)
                unit.indices.push_back(Affine::of(range.index));
            unit.form.kind = FormKind::linear;
            unit.form.terms = output.terms;
            units_.push_back(unit);
        }
        const auto* left = options.left_sizes ? &*options.left_sizes : nullptr;
        const auto* right = options.right_sizes ? &*options.right_sizes : nullptr;
        cross_space_.emplace(result_.network, result_.left_symbols, SampleSpace{'a', left}, SampleSpace{'b', right});
        self_space_.emplace(result_.network, result_.left_symbols, SampleSpace{'a', left}, SampleSpace{'a', left});
        cross_sources_.emplace(result_.network, *cross_space_);
        self_sources_.emplace(result_.network, *self_space_);
        result_.mean_needed.resize(program.statements.size(), false);
        result_.joint_mean.resize(program.statements.size(), false);
    }

    Recursions run() {
        const std::size_t first_output = result_.network.program.statements.size();
        for (std::size_t k = first_output; k < units_.size(); ++k) {
            touch(k);
            demand({false, k, k}, domain_set({false, k, k}));
        }
        while (!queue_.empty()) {
            const PairKey key = queue_.front();
            queue_.pop_front();
            PairNode& node = nodes_.at(key);
            node.queued = false;
            solve(key, node);
        }
        collect();
        result_.involved = touched_;
        return std::move(result_);
    }

  private:
    const DeriveOptions& options_;
    Recursions result_;
    std::vector<Unit> units_;
    std::optional<IndexSpace> cross_space_, self_space_;
    std::optional<Sources> cross_sources_, self_sources_;
    std::map<PairKey, PairNode> nodes_;
    std::deque<PairKey> queue_;
    std::vector<bool> touched_;

    Program& program() { return result_.network.program; }
    const IndexSpace& space(bool self) const { return self ? *self_space_ : *cross_space_; }
    const Sources& sources(bool self) const { return self ? *self_sources_ : *cross_sources_; }

    // --- the right sample's symbols
    Affine prime(const Affine& a) const {
        return substitute(a, [&](Symbol s) -> std::optional<Affine> { return Affine::of(result_.primed(s)); });
    }
    Range prime(const Range& r) const { return {result_.primed(r.index), prime(r.lower), prime(r.upper)}; }
    Condition prime(const Condition& c) const { return {prime(c.value), c.relation}; }
    Access prime(Access access) const {
        for (Affine& index : access.indices)
            index = prime(index);
        return access;
    }
    Element prime(const Element& element) const { return {element.family, prime(element.access)}; }

    // b[..] with mean m is a centred vector plus m times the constant vector.
    void expand_parameter_means() {
        const auto expand = [&](std::vector<LinearTerm>& terms) {
            const std::size_t count = terms.size();
            for (std::size_t k = 0; k < count; ++k) {
                if (terms[k].base != Base::parameter)
                    continue;
                const Parameter parameter = program().parameters[terms[k].parameter];
                const ExprId mean = rewrite(
                    program().exprs, parameter.mean, [](ExprId) -> std::optional<ExprId> { return std::nullopt; },
                    [&](Symbol s) -> std::optional<Affine> {
                        for (std::size_t d = 0; d < parameter.family.size(); ++d)
                            if (parameter.family[d].index == s)
                                return terms[k].member.indices[d];
                        return std::nullopt;
                    });
                const Node value = program().exprs[mean];
                if (value.op == Op::number && value.number == 0)
                    continue;
                LinearTerm constant = terms[k];
                constant.base = Base::one;
                constant.coefficient = program().exprs.apply(Function::mul, {constant.coefficient, mean});
                terms.push_back(constant);
            }
        };
        for (Form& form : result_.network.forms)
            expand(form.terms);
        for (OutputForm& output : result_.network.outputs)
            expand(output.terms);
    }

    bool is_odd(ExprId function) {
        // f(-z) = -f(z) by structure: enough for zeros, a missed one costs only time.
        const Node node = program().exprs[function];
        if (node.op == Op::variable)
            return true;
        if (node.op != Op::apply)
            return false;
        const auto is_scalar = [&](ExprId e) { return program().exprs[e].type == Type::scalar; };
        switch (node.function) {
        case Function::neg:
        case Function::sign:
        case Function::erf:
        case Function::tanh:
        case Function::sin:
        case Function::hardtanh:
            return is_odd(node.children[0]);
        case Function::add:
        case Function::sub:
            return is_odd(node.children[0]) && is_odd(node.children[1]);
        case Function::mul:
            return (is_scalar(node.children[0]) && is_odd(node.children[1])) ||
                   (is_scalar(node.children[1]) && is_odd(node.children[0]));
        case Function::div:
            return is_scalar(node.children[1]) && is_odd(node.children[0]);
        default:
            return false;
        }
    }

    void find_means() {
        auto& mean = result_.may_have_mean;
        mean.assign(program().families.size(), false);
        for (bool changed = true; changed;) {
            changed = false;
            for (std::size_t k = 0; k < program().statements.size(); ++k) {
                const std::uint32_t family = program().statements[k].family;
                const Form& form = result_.network.forms[k];
                bool found = form.kind == FormKind::general || form.kind == FormKind::product;
                if (form.kind == FormKind::activation)
                    found = mean[form.reads[0].family] || !is_odd(form.function);
                for (const LinearTerm& term : form.terms)
                    found = found || (term.base == Base::one && !is_zero(without_zero_means(term.coefficient))) ||
                            (term.base == Base::read && mean[term.operand]);
                if (found && !mean[family]) {
                    mean[family] = true;
                    changed = true;
                }
            }
        }
    }

    // avg(x) of a centred x is 0 (h - avg(h) of a layer norm): the vectors that subtract it stay centred.
    ExprId without_zero_means(ExprId e) {
        return rewrite(program().exprs, e, [&](ExprId id) -> std::optional<ExprId> {
            const Node node = program().exprs[id];
            if (node.op != Op::mean)
                return std::nullopt;
            const Node operand = program().exprs[node.children[0]];
            if (operand.op != Op::read || result_.may_have_mean[operand.target])
                return std::nullopt;
            return program().exprs.number(0);
        });
    }
    bool is_zero(ExprId e) {
        const Node node = program().exprs[e];
        return node.op == Op::number && node.number == 0;
    }
    void drop_zero_means() {
        const auto clean = [&](std::vector<LinearTerm>& terms) {
            for (LinearTerm& term : terms)
                term.coefficient = without_zero_means(term.coefficient);
            std::erase_if(terms, [&](const LinearTerm& term) { return is_zero(term.coefficient); });
        };
        for (Form& form : result_.network.forms)
            clean(form.terms);
        for (OutputForm& output : result_.network.outputs)
            clean(output.terms);
        for (std::size_t k = 0; k < program().statements.size(); ++k)
            if (result_.network.forms[k].kind == FormKind::scalar)
                program().statements[k].value = without_zero_means(program().statements[k].value);
    }

    // --- spaces of pairs
    std::vector<Symbol> loops(std::size_t unit, bool right) const {
        std::vector<Symbol> result;
        for (const Range& range : units_[unit].domain.ranges)
            result.push_back(right ? result_.primed(range.index) : range.index);
        return result;
    }
    std::vector<Symbol> loops(const PairKey& key) const {
        std::vector<Symbol> both = loops(key.left, false);
        const std::vector<Symbol> right = loops(key.right, true);
        both.insert(both.end(), right.begin(), right.end());
        return both;
    }
    std::vector<std::string> domain_text(std::size_t unit, bool right, bool self) const {
        std::vector<std::string> text;
        for (const Range& range : units_[unit].domain.ranges)
            text.push_back(space(self).constraint(right ? prime(range) : range));
        for (const Condition& condition : units_[unit].domain.conditions)
            text.push_back(space(self).constraint(right ? prime(condition) : condition));
        return text;
    }
    Set domain_set(const PairKey& key) const {
        std::vector<std::string> text = domain_text(key.left, false, key.self);
        const std::vector<std::string> right = domain_text(key.right, true, key.self);
        text.insert(text.end(), right.begin(), right.end());
        return space(key.self).set(loops(key), text);
    }

    void demand(const PairKey& key, const Set& more) {
        const Set wanted = more & domain_set(key);
        if (wanted.empty())
            return;
        auto [place, fresh] = nodes_.try_emplace(key);
        PairNode& node = place->second;
        if (fresh) {
            node.demand = wanted.affine_hull() & domain_set(key);
        } else {
            if (wanted.subset_of(node.demand))
                return;
            node.demand = (node.demand | wanted).affine_hull() & domain_set(key);
        }
        if (!node.queued) {
            node.queued = true;
            queue_.push_back(key);
        }
    }

    // Elements (x, y) as points: all statements that define them are asked for.
    void demand_elements(bool self, std::uint32_t x, std::uint32_t y, const Set& elements) {
        for (std::size_t p = 0; p < units_.size(); ++p) {
            if (units_[p].output || units_[p].family != x)
                continue;
            for (std::size_t q = 0; q < units_.size(); ++q) {
                if (units_[q].output || units_[q].family != y)
                    continue;
                touch(p);
                touch(q);
                const PairKey key{self, p, q};
                const Map left = space(self).map(loops(p, false), units_[p].indices, {}, domain_text(p, false, self));
                std::vector<Affine> primed;
                for (const Affine& index : units_[q].indices)
                    primed.push_back(prime(index));
                const Map right = space(self).map(loops(q, true), primed, {}, domain_text(q, true, self));
                demand(key, product(left, right).reverse().image(elements));
                if (self && p != q) // the same numbers under the other name
                    demand({true, q, p},
                           product(right_as_left(q), left_as_right(p)).reverse().image(swapped(elements, x, y)));
                else if (self)
                    demand(key, product(left, right).reverse().image(swapped(elements, x, y)));
            }
        }
    }
    Map right_as_left(std::size_t unit) const {
        return space(true).map(loops(unit, false), units_[unit].indices, {}, domain_text(unit, false, true));
    }
    Map left_as_right(std::size_t unit) const {
        std::vector<Affine> primed;
        for (const Affine& index : units_[unit].indices)
            primed.push_back(prime(index));
        return space(true).map(loops(unit, true), primed, {}, domain_text(unit, true, true));
    }
    Set swapped(const Set& elements, std::uint32_t x, std::uint32_t y) const {
        std::string from;
        std::string to;
        const unsigned a = program_const().families[x].rank;
        const unsigned b = program_const().families[y].rank;
        for (unsigned d = 0; d < a + b; ++d)
            from += (d ? ",e" : "e") + std::to_string(d);
        for (unsigned d = 0; d < a + b; ++d)
            to += (d ? ",e" : "e") + std::to_string((d + a) % (a + b));
        if (a + b == 0)
            return elements;
        std::string swapped_names;
        for (unsigned d = 0; d < b; ++d)
            swapped_names += (swapped_names.empty() ? "e" : ",e") + std::to_string(a + d);
        for (unsigned d = 0; d < a; ++d)
            swapped_names += (swapped_names.empty() ? "e" : ",e") + std::to_string(d);
        return space(true).sets().map("{ [" + from + "] -> [" + swapped_names + "] }").image(elements);
    }
    const Program& program_const() const { return result_.network.program; }

    // Everything an element needs of its own sample, once its statement is involved at all.
    void touch(std::size_t unit) {
        touched_.resize(units_.size(), false);
        if (touched_[unit])
            return;
        touched_[unit] = true;
        const Unit& own = units_[unit];
        if (!own.output && own.form.kind != FormKind::scalar && own.form.kind != FormKind::finite) {
            // second moments: variances of Gaussians, and gaps
            const PairKey key{true, unit, unit};
            std::vector<std::string> diagonal;
            for (const Range& range : own.domain.ranges)
                diagonal.push_back(space(true).variable(range.index) + " = " +
                                   space(true).variable(result_.primed(range.index)));
            demand(key, space(true).set(loops(key), diagonal));
        }
        for (const LinearTerm& term : own.form.terms)
            need_scalar(term.coefficient, own.domain, term.ranges);
        if (own.form.kind == FormKind::scalar || own.form.kind == FormKind::finite || own.form.kind == FormKind::general)
            need_scalar(program_const().statements[unit].value, own.domain, {});
    }

    // A Gaussian vector or a function of one: duals take it.
    bool of_one_gaussian(const Unit& unit) const {
        if (unit.output)
            return false;
        return result_.network.gaussian[unit.family] ||
               (unit.form.kind == FormKind::activation && result_.network.gaussian[unit.form.reads[0].family]);
    }

    static ElementRead itself(const Unit& unit) {
        ElementRead own{unit.family, {}};
        for (const Affine& index : unit.indices)
            own.access.indices.push_back(index);
        return own;
    }

    void need_family(std::uint32_t family) {
        for (std::size_t p = 0; p < units_.size(); ++p)
            if (!units_[p].output && units_[p].family == family)
                touch(p);
    }

    void need_mean(std::uint32_t family) {
        for (std::size_t p = 0; p < program_const().statements.size(); ++p) {
            if (program_const().statements[p].family != family || result_.mean_needed[p])
                continue;
            result_.mean_needed[p] = true;
            touch(p);
            const Form form = units_[p].form;
            for (const LinearTerm& term : form.terms)
                if (term.base == Base::read && result_.may_have_mean[term.operand])
                    need_mean(term.operand);
            if (form.kind == FormKind::product) {
                const auto groups = group_factors({true, p, p}, form.reads, {}, nullptr);
                for (const ElementRead& read : form.reads) {
                    need_family(read.family);
                    need_mean(read.family);
                }
                if (groups.size() < form.reads.size()) { // dependent factors
                    result_.joint_mean[p] = true;
                    demand_gaussians(units_[p].domain, form.reads);
                }
            } else if (of_one_gaussian(units_[p])) {
                if (form.kind == FormKind::activation) {
                    need_family(form.reads[0].family);
                    if (result_.may_have_mean[form.reads[0].family])
                        need_mean(form.reads[0].family);
                }
            } else if (form.kind == FormKind::activation || form.kind == FormKind::general) {
                result_.joint_mean[p] = true;
                demand_gaussians(units_[p].domain, {itself(units_[p])});
            }
        }
    }

    // Moments, means and scalars inside a coefficient.
    void need_scalar(ExprId e, const Domain& domain, const std::vector<Range>& sums) {
        const Node node = program_const().exprs[e];
        if (node.op == Op::moment) {
            const Node a = program_const().exprs[node.children[0]];
            const Node b = program_const().exprs[node.children[1]];
            if (a.op == Op::read && b.op == Op::read)
                demand_moment(a.target, a.access, b.target, b.access, domain, sums);
            for (const Node& side : {a, b})
                if (side.op == Op::read && (a.op != Op::read || b.op != Op::read))
                    need_mean(side.target);
            return;
        }
        if (node.op == Op::mean) {
            const Node a = program_const().exprs[node.children[0]];
            if (a.op == Op::read) {
                need_family(a.target);
                need_mean(a.target);
            }
            return;
        }
        if (node.op == Op::read)
            need_family(node.target);
        std::vector<Range> inner = sums;
        inner.insert(inner.end(), node.ranges.begin(), node.ranges.end());
        for (const ExprId child : node.children)
            need_scalar(child, domain, inner);
    }

    void demand_moment(std::uint32_t x, const Access& left, std::uint32_t y, const Access& right, const Domain& domain,
                       const std::vector<Range>& sums) {
        need_family(x);
        need_family(y);
        demand_elements(true, x, y, moment_elements(x, left, y, right, domain, sums));
    }

    // The pairs of elements of one sample that a moment reads.
    Set moment_elements(std::uint32_t x, const Access& left, std::uint32_t y, const Access& right, const Domain& domain,
                        const std::vector<Range>& sums) const {
        std::vector<Symbol> variables;
        std::vector<std::string> text;
        for (const Range& range : domain.ranges) {
            variables.push_back(range.index);
            text.push_back(space(true).constraint(range));
        }
        for (const Condition& condition : domain.conditions)
            text.push_back(space(true).constraint(condition));
        for (const Range& range : sums) {
            variables.push_back(range.index);
            text.push_back(space(true).constraint(range));
        }
        std::vector<Affine> both(left.indices.begin(), left.indices.end());
        both.insert(both.end(), right.indices.begin(), right.indices.end());
        const Map access =
            then(space(true).map(variables, both, {}, {}),
                 product(space(true).mode_map(x, false, left.mode), space(true).mode_map(y, true, right.mode)));
        return access.image(space(true).set(variables, text));
    }

    // The covariances of all Gaussians, across the samples (or within one, self) of two elements that functions of them
    // read.
    void demand_gaussians(bool self, std::uint32_t x, std::uint32_t y, const Set& elements) {
        for (const auto& [g, left] : sources(self).gaussians(x, false))
            for (const auto& [h, right] : sources(self).gaussians(y, true)) {
                for (const std::uint32_t family : {g, h}) {
                    need_family(family);
                    if (result_.may_have_mean[family])
                        need_mean(family);
                }
                const bool centred = !result_.may_have_mean[g] || !result_.may_have_mean[h];
                if (!centred || !sources(self).common(g, h).empty())
                    demand_elements(self, g, h, product(left, right).image(elements));
            }
    }
    // ... within one sample, of the elements that each instance of a domain reads.
    void demand_gaussians(const Domain& domain, const std::vector<ElementRead>& reads) {
        for (const ElementRead& a : reads)
            for (const ElementRead& b : reads)
                demand_gaussians(true, a.family, b.family,
                                 moment_elements(a.family, a.access, b.family, b.access, domain, {}));
    }

    // --- one pair
    void solve(const PairKey& key, PairNode& node) {
        Equation equation;
        equation.left_statement = key.left;
        equation.right_statement = key.right;
        equation.tangent = options_.tangent && !key.self;
        const Unit& left = units_[key.left];
        const Unit& right = units_[key.right];
        const bool left_linear = left.form.kind == FormKind::linear;
        const bool right_linear = right.form.kind == FormKind::linear;
        const bool left_gaussian = !left.output && result_.network.gaussian[left.family];
        const bool right_gaussian = !right.output && result_.network.gaussian[right.family];
        const bool left_atoms = left_linear && has_atoms(left.form);
        const bool right_atoms = right_linear && has_atoms(right.form);
        const bool expand_left = left_linear && (!left_atoms || (right_linear && right_atoms));
        const bool expand_right = right_linear && (!right_atoms || (left_linear && left_atoms));
        if (expand_left || expand_right) {
            equation.rule = Rule::linear;
            bilinear(key, node.demand, equation, expand_left, expand_right);
        } else if (!of_one_gaussian(left) || !of_one_gaussian(right)) {
            equation.rule = Rule::product;
            factor(key, node.demand, equation);
        } else {
            equation.rule = Rule::dual;
            const auto side = [&](const Unit& unit, bool gaussian, bool is_right, Element& element,
                                  std::optional<ExprId>& function) {
                if (gaussian) {
                    element.family = unit.family;
                    for (const Affine& index : unit.indices)
                        element.access.indices.push_back(index);
                } else {
                    element = {unit.form.reads[0].family, unit.form.reads[0].access};
                    function = unit.form.function;
                }
                if (is_right)
                    element = prime(element);
                need_family(element.family);
                if (result_.may_have_mean[element.family])
                    need_mean(element.family);
            };
            side(left, left_gaussian, false, equation.left, equation.left_function);
            side(right, right_gaussian, true, equation.right, equation.right_function);
            demand_read(key, node.demand, {}, {}, equation.left, equation.right);
        }
        nodes_.at(key).equation = std::move(equation);
    }

    static bool has_atoms(const Form& form) {
        for (const LinearTerm& term : form.terms)
            if (term.base == Base::matmul || term.base == Base::input || term.base == Base::parameter)
                return true;
        return false;
    }

    // The pairs of elements that a read of (left, right) touches, over the demanded instances.
    Set elements_read(const PairKey& key, const Set& demanded, const std::vector<Range>& sums,
                      const std::vector<Condition>& conditions, const Element& left, const Element& right) const {
        std::vector<Symbol> hidden;
        std::vector<std::string> text;
        for (const Range& range : sums) {
            hidden.push_back(range.index);
            text.push_back(space(key.self).constraint(range));
        }
        for (const Condition& condition : conditions)
            text.push_back(space(key.self).constraint(condition));
        std::vector<Affine> both(left.access.indices.begin(), left.access.indices.end());
        both.insert(both.end(), right.access.indices.begin(), right.access.indices.end());
        const Map raw = space(key.self).map(loops(key), both, hidden, text);
        const Map modes = product(space(key.self).mode_map(left.family, false, left.access.mode),
                                  space(key.self).mode_map(right.family, true, right.access.mode));
        return then(raw, modes).image(demanded) &
               product(space(key.self).assigned(left.family, false), space(key.self).assigned(right.family, true));
    }

    void demand_read(const PairKey& key, const Set& demanded, const std::vector<Range>& sums,
                     const std::vector<Condition>& conditions, const Element& left, const Element& right) {
        demand_elements(key.self, left.family, right.family, elements_read(key, demanded, sums, conditions, left, right));
    }

    bool independent(const PairKey& key, const Set& elements, std::uint32_t x, std::uint32_t y) const {
        const Map& common = sources(key.self).common(x, y);
        return (wrapped(common) & elements).empty();
    }

    // Solves `left == right` of two members for sum indices of the right term, then of the left term; what remains is a
    // condition.
    struct Matching {
        std::vector<Range> sums;
        std::vector<Condition> conditions;
        std::map<Symbol, Affine> solved;
        bool impossible = false;

        Affine apply(const Affine& a) const {
            return substitute(a, [&](Symbol s) -> std::optional<Affine> {
                const auto found = solved.find(s);
                return found == solved.end() ? std::nullopt : std::optional(found->second);
            });
        }

        void require_equal(const Affine& left, const Affine& right) {
            const Affine difference = apply(right) - apply(left);
            if (difference.is_constant()) {
                impossible = impossible || difference.constant != 0;
                return;
            }
            for (auto range = sums.rbegin(); range != sums.rend(); ++range) {
                const std::int64_t coefficient = difference.coefficient(range->index);
                if (difference.denominator != 1 || (coefficient != 1 && coefficient != -1))
                    continue;
                // coefficient * s + rest == 0
                const Affine rest = difference - coefficient * Affine::of(range->index);
                const Affine value = -coefficient * rest;
                const Range removed = *range;
                sums.erase(std::next(range).base());
                for (auto& [symbol, affine] : solved)
                    affine = substitute(affine,
                                        [&](Symbol s) { return s == removed.index ? std::optional(value) : std::nullopt; });
                solved.emplace(removed.index, value);
                add_bounds(removed, value);
                for (Range& other : sums)
                    other = {other.index, apply(other.lower), apply(other.upper)};
                for (Condition& condition : conditions)
                    condition.value = apply(condition.value);
                return;
            }
            conditions.push_back({difference, Relation::zero});
        }

        // value in lower..upper, unless a remaining range says just that
        void add_bounds(const Range& removed, const Affine& value) {
            for (const Range& other : sums)
                if (value == Affine::of(other.index) && apply(removed.lower) == other.lower &&
                    apply(removed.upper) == other.upper)
                    return;
            conditions.push_back({value - apply(removed.lower), Relation::non_negative});
            conditions.push_back({apply(removed.upper) - value, Relation::non_negative});
        }
    };

    void bilinear(const PairKey& key, const Set& demanded, Equation& equation, bool expand_left, bool expand_right) {
        const auto own = [&](const Unit& unit) {
            LinearTerm term;
            term.base = Base::read;
            term.coefficient = program().exprs.number(1);
            term.operand = unit.family;
            term.access = itself(unit).access;
            return std::vector<LinearTerm>{term};
        };
        const std::vector<LinearTerm> left_terms = expand_left ? units_[key.left].form.terms : own(units_[key.left]);
        const std::vector<LinearTerm> right_terms = expand_right ? units_[key.right].form.terms : own(units_[key.right]);
        for (std::size_t a = 0; a < left_terms.size(); ++a)
            for (std::size_t b = 0; b < right_terms.size(); ++b) {
                const LinearTerm& left = left_terms[a];
                const LinearTerm& right = right_terms[b];
                PairTerm term;
                if (expand_left)
                    term.left_term = a;
                if (expand_right)
                    term.right_term = b;
                if (pair_terms(key, demanded, left, right, term))
                    equation.terms.push_back(std::move(term));
            }
    }

    // False when the two terms are uncorrelated wherever the equation is needed.
    bool pair_terms(const PairKey& key, const Set& demanded, const LinearTerm& left, const LinearTerm& right,
                    PairTerm& term) {
        const bool left_plain = left.base == Base::read || left.base == Base::one;
        const bool right_plain = right.base == Base::read || right.base == Base::one;
        Matching matching;
        matching.sums = left.ranges;
        for (const Range& range : right.ranges)
            matching.sums.push_back(prime(range));
        if (!left_plain || !right_plain) {
            if (left.base != right.base || left.parameter != right.parameter || left.transposed != right.transposed)
                return false; // different sources, or an atom with a vector that was built without it (checked in `solve`)
            for (std::size_t d = 0; d < left.member.indices.size(); ++d)
                matching.require_equal(left.member.indices[d], prime(right.member.indices[d]));
            if (matching.impossible)
                return false;
        }
        const auto element = [&](const LinearTerm& side, bool is_right) {
            Element result{side.operand, is_right ? prime(side.access) : side.access};
            for (Affine& index : result.access.indices)
                index = matching.apply(index);
            return result;
        };
        const auto finish = [&](PairTerm::Kind kind) {
            term.kind = kind;
            term.sums = matching.sums;
            for (const Condition& condition : matching.conditions)
                if (!implied(key, demanded, matching, condition))
                    term.conditions.push_back(condition);
            for (const Range& range : left.ranges)
                term.left_point.push_back(matching.apply(Affine::of(range.index)));
            for (const Range& range : right.ranges)
                term.right_point.push_back(matching.apply(Affine::of(result_.primed(range.index))));
            term.parameter = left.parameter;
            term.member = left.member;
            for (Affine& index : term.member.indices)
                index = matching.apply(index);
            return true;
        };
        if (!feasible(key, demanded, matching))
            return false;
        if (left.base == Base::parameter && right.base == Base::parameter)
            return finish(PairTerm::Kind::parameter);
        if (left.base == Base::input && right.base == Base::input) {
            for (const LinearTerm* side : {&left, &right})
                if (!side->operand_is_input)
                    need_family(side->operand);
            term.left_input = element(left, false).access;
            term.right_input = element(right, true).access;
            return finish(PairTerm::Kind::input);
        }
        if (left.base == Base::one && right.base == Base::one)
            return finish(PairTerm::Kind::means);
        if (left.base == Base::one || right.base == Base::one) {
            const LinearTerm& read = left.base == Base::one ? right : left;
            if (!result_.may_have_mean[read.operand])
                return false;
            need_family(read.operand);
            need_mean(read.operand);
            (left.base == Base::one ? term.right : term.left) = element(read, left.base == Base::one);
            return finish(PairTerm::Kind::means);
        }
        term.left = element(left, false);
        term.right = element(right, true);
        const Set elements = elements_read(key, demanded, matching.sums, matching.conditions, *term.left, *term.right);
        if (elements.empty())
            return false;
        const bool unrelated = independent(key, elements, term.left->family, term.right->family);
        if (unrelated && !(result_.may_have_mean[term.left->family] && result_.may_have_mean[term.right->family])) {
            if (left.base != Base::matmul)
                return false;
            // W x and W y of uncorrelated x, y: C is zero, and so is T
            return false;
        }
        if (unrelated) {
            for (const auto& side : {*term.left, *term.right}) {
                need_family(side.family);
                need_mean(side.family);
            }
            if (left.base != Base::matmul)
                return finish(PairTerm::Kind::means);
        }
        demand_elements(key.self, term.left->family, term.right->family, elements);
        return finish(left.base == Base::matmul ? PairTerm::Kind::matmul : PairTerm::Kind::read);
    }

    // The demanded instances with the sums of a term, as points over loops and sums.
    Map with_sums(const PairKey& key, const Matching& matching) const {
        std::vector<Affine> values;
        std::vector<Symbol> hidden;
        std::vector<std::string> text;
        for (const Symbol symbol : loops(key))
            values.push_back(Affine::of(symbol));
        for (const Range& range : matching.sums) {
            values.push_back(Affine::of(range.index));
            hidden.push_back(range.index);
            text.push_back(space(key.self).constraint(range));
        }
        return space(key.self).map(loops(key), values, hidden, text);
    }
    Set condition_set(const PairKey& key, const Matching& matching, const std::vector<std::string>& text) const {
        std::vector<Symbol> variables = loops(key);
        for (const Range& range : matching.sums)
            variables.push_back(range.index);
        return space(key.self).set(variables, text);
    }
    bool feasible(const PairKey& key, const Set& demanded, const Matching& matching) const {
        if (matching.conditions.empty() && matching.sums.empty())
            return true;
        std::vector<std::string> text;
        for (const Condition& condition : matching.conditions)
            text.push_back(space(key.self).constraint(condition));
        return !(with_sums(key, matching).image(demanded) & condition_set(key, matching, text)).empty();
    }
    bool implied(const PairKey& key, const Set& demanded, const Matching& matching, const Condition& condition) const {
        return with_sums(key, matching)
            .image(demanded)
            .subset_of(condition_set(key, matching, {space(key.self).constraint(condition)}));
    }

    // --- products
    struct Factor {
        bool right = false;
        Element element; // primed when right
    };

    // Partitions factors into classes that are mutually independent over the demanded instances.
    std::vector<std::vector<std::size_t>> group_factors(const PairKey& key, const std::vector<ElementRead>& left,
                                                        const std::vector<ElementRead>& right, const Set* demanded) const {
        std::vector<Factor> factors;
        for (const ElementRead& read : left)
            factors.push_back({false, {read.family, read.access}});
        for (const ElementRead& read : right)
            factors.push_back({true, prime(Element{read.family, read.access})});
        const Set instances = demanded ? *demanded : diagonal(key);
        std::vector<std::size_t> root(factors.size());
        for (std::size_t k = 0; k < root.size(); ++k)
            root[k] = k;
        const auto find = [&](std::size_t k) {
            while (root[k] != k)
                k = root[k];
            return k;
        };
        for (std::size_t a = 0; a < factors.size(); ++a)
            for (std::size_t b = a + 1; b < factors.size(); ++b)
                if (dependent(key, instances, factors[a], factors[b]))
                    root[find(b)] = find(a);
        std::map<std::size_t, std::vector<std::size_t>> classes;
        for (std::size_t k = 0; k < factors.size(); ++k)
            classes[find(k)].push_back(k);
        std::vector<std::vector<std::size_t>> result;
        for (auto& [unused, members] : classes)
            result.push_back(members);
        return result;
    }

    Set diagonal(const PairKey& key) const {
        std::vector<std::string> text;
        for (const Range& range : units_[key.left].domain.ranges)
            text.push_back(space(key.self).variable(range.index) + " = " +
                           space(key.self).variable(result_.primed(range.index)));
        return space(key.self).set(loops(key), text) & domain_set(key);
    }

    bool dependent(const PairKey& key, const Set& instances, const Factor& a, const Factor& b) const {
        if (a.right == b.right) { // both of one sample
            std::vector<Affine> both(a.element.access.indices.begin(), a.element.access.indices.end());
            both.insert(both.end(), b.element.access.indices.begin(), b.element.access.indices.end());
            const Map raw = space(key.self).map(loops(key), both, {}, {});
            const Map modes = product(space(key.self).mode_map(a.element.family, a.right, a.element.access.mode),
                                      space(key.self).mode_map(b.element.family, b.right, b.element.access.mode));
            const Set elements = then(raw, modes).image(instances);
            // Sources of one sample: compare through the self relation when the axes are this sample's own.
            if (!a.right || options_.left_sizes == options_.right_sizes)
                return !(wrapped(self_sources_->common(a.element.family, b.element.family)) & elements).empty();
            return self_sources_->common(a.element.family, b.element.family).empty() == false;
        }
        const Set elements =
            elements_read(key, instances, {}, {}, a.right ? b.element : a.element, a.right ? a.element : b.element);
        return !independent(key, elements, a.right ? b.element.family : a.element.family,
                            a.right ? a.element.family : b.element.family);
    }

    // E of a product of elements of both samples: a product over groups of dependent ones.
    void factor(const PairKey& key, const Set& demanded, Equation& equation) {
        const auto reads = [&](const Unit& unit) {
            return unit.form.kind == FormKind::product ? unit.form.reads : std::vector<ElementRead>{itself(unit)};
        };
        const std::vector<ElementRead> left = reads(units_[key.left]);
        const std::vector<ElementRead> right = reads(units_[key.right]);
        const bool products =
            units_[key.left].form.kind == FormKind::product || units_[key.right].form.kind == FormKind::product;
        for (const std::vector<std::size_t>& group : group_factors(key, left, right, &demanded)) {
            std::vector<ElementRead> lefts;
            std::vector<ElementRead> rights;
            for (const std::size_t k : group)
                (k < left.size() ? lefts : rights).push_back(k < left.size() ? left[k] : right[k - left.size()]);
            GroupRead read;
            for (const ElementRead& each : lefts)
                read.left.push_back({each.family, each.access});
            for (const ElementRead& each : rights)
                read.right.push_back(prime(Element{each.family, each.access}));
            read.joint = group.size() > 2 || (group.size() == 2 && !lefts.empty() && !rights.empty() && !products);
            for (const auto* side : {&lefts, &rights})
                for (const ElementRead& each : *side)
                    need_family(each.family);
            if (read.joint) {
                demand_gaussians(units_[key.left].domain, lefts);
                demand_gaussians(units_[key.right].domain, rights);
                for (const Element& a : read.left)
                    for (const Element& b : read.right)
                        demand_gaussians(key.self, a.family, b.family, elements_read(key, demanded, {}, {}, a, b));
            } else if (group.size() == 1) {
                need_mean((lefts.empty() ? rights : lefts)[0].family);
            } else if (read.is_cross()) {
                demand_read(key, demanded, {}, {}, read.left[0], read.right[0]);
            } else {
                const auto& side = lefts.empty() ? rights : lefts;
                demand_moment(side[0].family, side[0].access, side[1].family, side[1].access,
                              units_[lefts.empty() ? key.right : key.left].domain, {});
            }
            equation.groups.push_back(std::move(read));
        }
    }

    // --- the result
    bool same_on_both_sides(const Affine& affine) const {
        return std::ranges::all_of(affine.terms, [&](const auto& term) {
            return program_const().info(term.first).axis &&
                   (!options_.left_sizes || options_.left_sizes->at(term.first) == options_.right_sizes->at(term.first));
        });
    }
    bool gap_linear(const Equation& equation) const {
        if (equation.rule != Rule::linear || equation.left_statement != equation.right_statement)
            return false;
        // Terms that meet no equal one on the other side, whole or in part, count in the gap all the same.
        const std::vector<LinearTerm>& terms = units_[equation.left_statement].form.terms;
        if (equation.terms.size() != terms.size())
            return false;
        for (const PairTerm& term : equation.terms) {
            if (term.left_term != term.right_term || !term.left_term)
                return false;
            for (const Range& range : terms[*term.left_term].ranges)
                if (!same_on_both_sides(range.lower) || !same_on_both_sides(range.upper))
                    return false;
            if (term.kind == PairTerm::Kind::means && (term.left || term.right))
                return false;
            if (term.left_point != term.right_point || term.sums.size() != term.left_point.size())
                return false;
            if (!term.conditions.empty())
                return false;
        }
        return true;
    }

    void collect() {
        const auto names = [&](const PairKey& key) {
            std::vector<Symbol> symbols = loops(key);
            return symbols;
        };
        for (auto& [key, node] : nodes_) {
            Equation equation = node.equation;
            const std::vector<Symbol> symbols = names(key);
            const IndexSpace& own = space(key.self);
            const std::vector<passes::Equality> domain = passes::equalities(domain_set(key), own.parameters());
            for (const passes::Equality& equality : passes::equalities(node.demand, own.parameters())) {
                const bool known = std::any_of(domain.begin(), domain.end(), [&](const passes::Equality& other) {
                    return other.coefficients == equality.coefficients && other.parameters == equality.parameters &&
                           other.constant == equality.constant;
                });
                if (known)
                    continue;
                Affine value(equality.constant);
                for (std::size_t d = 0; d < symbols.size(); ++d)
                    value = value + equality.coefficients[d] * Affine::of(symbols[d]);
                for (std::size_t d = 0; d < own.parameters().size(); ++d)
                    value = value + equality.parameters[d] * Affine::of(own.parameter_symbol(d));
                equation.where.push_back(value);
            }
            const auto diagonal_node = nodes_.find({true, key.left, key.right});
            const bool output = units_[key.left].output;
            equation.gap_linear = gap_linear(equation) &&
                                  (output || (diagonal_node != nodes_.end() && gap_linear(diagonal_node->second.equation)));
            (key.self ? result_.self : result_.cross).push_back(std::move(equation));
        }
    }
};

} // namespace

std::optional<Recursions> derive(const Network& network, const DeriveOptions& options, source::Diagnostics& diagnostics) {
    try {
        return Deriver(network, options).run();
    } catch (const passes::IntegerSetError& error) {
        const source::Span span = network.outputs.empty() ? source::Span{} : network.outputs.front().span;
        diagnostics.report(source::Id::index_analysis, span, error.what());
        return std::nullopt;
    }
}

} // namespace tpc::limit
