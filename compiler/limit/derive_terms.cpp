#include "compiler/limit/derivation.hpp"
#include "compiler/limit/matching.hpp"

namespace tpc::limit {

using namespace ir;
using passes::Map;
using passes::Set;

namespace {

// The demanded instances with the sums of a term, as points over loops and sums.
struct WithSums {
    std::vector<Symbol> variables;
    Set points;
};

WithSums with_sums(const Derivation& derivation, const PairKey& key, const Set& demanded, const Matching& matching) {
    const std::vector<Symbol> loops = derivation.loops(key);
    if (matching.sums.empty())
        return {loops, demanded};
    WithSums result{loops, {}};
    std::vector<Symbol> hidden;
    std::vector<Condition> conditions;
    for (const Range& range : matching.sums) {
        result.variables.push_back(range.index);
        hidden.push_back(range.index);
        require(conditions, range);
    }
    std::vector<Affine> values;
    for (const Symbol symbol : result.variables)
        values.push_back(Affine::of(symbol));
    result.points = derivation.space(key.self).map(loops, values, hidden, conditions).image(demanded);
    return result;
}

// Builds one pair of terms over the demanded instances of an equation.
class Pairing {
  public:
    Pairing(Derivation& derivation, const PairKey& key, const Set& demanded, const network::LinearTerm& left,
            const network::LinearTerm& right)
        : derivation_(derivation), key_(key), demanded_(demanded), left_(left), right_(right) {}

    // False when the two terms are uncorrelated wherever the equation is needed.
    bool make(PairTerm& term) {
        if (!match())
            return false;
        if (left_.base == network::Base::parameter && right_.base == network::Base::parameter)
            return finish(term, PairTerm::Kind::parameter);
        if (left_.base == network::Base::input && right_.base == network::Base::input) {
            for (const network::LinearTerm* side : {&left_, &right_})
                if (!side->operand_is_input)
                    need_family(derivation_, side->operand);
            term.left_input = element(false).access;
            term.right_input = element(true).access;
            return finish(term, PairTerm::Kind::input);
        }
        if (left_.base == network::Base::one || right_.base == network::Base::one) {
            if (centred_)
                return false;
            if (left_.base == right_.base)
                return finish(term, PairTerm::Kind::means);
            const bool is_right = left_.base == network::Base::one;
            const std::uint32_t family = (is_right ? right_ : left_).operand;
            if (!derivation_.result.may_have_mean[family])
                return false;
            need_family(derivation_, family);
            need_mean(derivation_, family);
            (is_right ? term.right : term.left) = element(is_right);
            return finish(term, PairTerm::Kind::means);
        }
        return elements(term);
    }

  private:
    Derivation& derivation_;
    const PairKey& key_;
    const Set& demanded_;
    const network::LinearTerm& left_;
    const network::LinearTerm& right_;
    bool centred_ = derivation_.centred(key_.left) || derivation_.centred(key_.right);
    Matching matching_;
    WithSums instances_;

    // Members of one parameter, equal somewhere.
    bool match() {
        const auto plain = [](const network::LinearTerm& term) {
            return term.base == network::Base::read || term.base == network::Base::one;
        };
        matching_.sums = left_.ranges;
        for (const Range& range : right_.ranges)
            matching_.sums.push_back(derivation_.prime(range));
        if (!plain(left_) || !plain(right_)) {
            if (left_.base != right_.base || left_.parameter != right_.parameter || left_.transposed != right_.transposed)
                return false; // different sources, or an atom with a vector that was built without it (see derive.cpp)
            for (std::size_t d = 0; d < left_.member.indices.size(); ++d)
                matching_.require_equal(left_.member.indices[d], derivation_.prime(right_.member.indices[d]));
            if (matching_.impossible)
                return false;
        }
        instances_ = with_sums(derivation_, key_, demanded_, matching_);
        if (matching_.conditions.empty())
            return matching_.sums.empty() || !instances_.points.empty();
        return !(instances_.points & derivation_.space(key_.self).set(instances_.variables, matching_.conditions)).empty();
    }

    [[nodiscard]] Element element(bool is_right) const {
        const network::LinearTerm& term = is_right ? right_ : left_;
        Element result{term.operand, term.access};
        if (is_right)
            result = derivation_.prime(result);
        for (Affine& index : result.access.indices)
            index = matching_.apply(index);
        return result;
    }

    bool finish(PairTerm& term, PairTerm::Kind kind) const {
        term.kind = kind;
        term.sums = matching_.sums;
        for (const Condition& condition : matching_.conditions)
            if (!instances_.points.subset_of(derivation_.space(key_.self).set(instances_.variables, {condition})))
                term.conditions.push_back(condition);
        for (const Range& range : left_.ranges)
            term.left_point.push_back(matching_.apply(Affine::of(range.index)));
        for (const Range& range : right_.ranges)
            term.right_point.push_back(matching_.apply(Affine::of(derivation_.result.primed(range.index))));
        term.parameter = left_.parameter;
        term.member = left_.member;
        for (Affine& index : term.member.indices)
            index = matching_.apply(index);
        return true;
    }

    bool elements(PairTerm& term) {
        term.left = element(false);
        term.right = element(true);
        const std::uint32_t x = term.left->family;
        const std::uint32_t y = term.right->family;
        const Set read =
            elements_read(derivation_, key_, demanded_, matching_.sums, matching_.conditions, *term.left, *term.right);
        if (read.empty())
            return false;
        if (independent(derivation_, key_, read, x, y)) {
            // E[x y] = E[x] E[y]; zero if one is centred, and so are C and T of W x, W y
            const bool means = left_.base == network::Base::matmul || !centred_;
            if (!means || !derivation_.result.may_have_mean[x] || !derivation_.result.may_have_mean[y])
                return false;
            for (const std::uint32_t family : {x, y}) {
                need_family(derivation_, family);
                need_mean(derivation_, family);
            }
            if (left_.base != network::Base::matmul)
                return finish(term, PairTerm::Kind::means);
        }
        demand_elements(derivation_, key_.self, x, y, read);
        return finish(term, left_.base == network::Base::matmul ? PairTerm::Kind::matmul : PairTerm::Kind::read);
    }
};

// The element of a unit as the one term of a sum.
std::vector<network::LinearTerm> own_term(const Unit& unit, ExprId one) {
    network::LinearTerm term;
    term.base = network::Base::read;
    term.coefficient = one;
    term.operand = unit.family;
    term.access = itself(unit).access;
    return {term};
}

} // namespace

void bilinear(Derivation& derivation, const PairKey& key, const Set& demanded, Equation& equation, bool expand_left,
              bool expand_right) {
    const ExprId one = derivation.result.network.program.exprs.number(1);
    const auto terms_of = [&](const Unit& unit, bool expand) { return expand ? unit.form.terms : own_term(unit, one); };
    const std::vector<network::LinearTerm> left_terms = terms_of(derivation.units[key.left], expand_left);
    const std::vector<network::LinearTerm> right_terms = terms_of(derivation.units[key.right], expand_right);
    for (std::size_t a = 0; a < left_terms.size(); ++a)
        for (std::size_t b = 0; b < right_terms.size(); ++b) {
            PairTerm term;
            if (expand_left)
                term.left_term = a;
            if (expand_right)
                term.right_term = b;
            if (Pairing(derivation, key, demanded, left_terms[a], right_terms[b]).make(term))
                equation.terms.push_back(std::move(term));
        }
}

} // namespace tpc::limit
