#include "compiler/limit/derivation.hpp"

#include <numeric>

namespace tpc::limit {

using namespace ir;
using passes::Set;

namespace {

struct Factor {
    bool right = false;
    Element element; // primed when right
};

Factor factor_of(const Derivation& derivation, const ElementRead& read, bool right) {
    const Element element{read.family, read.access};
    return {right, right ? derivation.prime(element) : element};
}

bool dependent(const Derivation& derivation, const PairKey& key, const Set& instances, const Factor& a, const Factor& b) {
    if (a.right != b.right) {
        const Element& left = a.right ? b.element : a.element;
        const Element& right = a.right ? a.element : b.element;
        const Set elements = elements_read(derivation, key, instances, {}, {}, left, right);
        return !independent(derivation, key, elements, left.family, right.family);
    }
    // Both of one sample: the self relation holds when its axes are this sample's own.
    const passes::Map& common = derivation.sources(true).common(a.element.family, b.element.family);
    if (a.right && derivation.options.left_sizes != derivation.options.right_sizes)
        return !common.empty();
    const Set elements = elements_of_one_sample(derivation.space(key.self), derivation.loops(key), instances, a.element,
                                                a.right, b.element, b.right);
    return !(wrapped(common) & elements).empty();
}

} // namespace

std::vector<std::vector<std::size_t>> group_factors(const Derivation& derivation, const PairKey& key,
                                                    const std::vector<ElementRead>& left,
                                                    const std::vector<ElementRead>& right, const Set& demanded) {
    std::vector<Factor> factors;
    for (const ElementRead& read : left)
        factors.push_back(factor_of(derivation, read, false));
    for (const ElementRead& read : right)
        factors.push_back(factor_of(derivation, read, true));
    std::vector<std::size_t> root(factors.size());
    std::iota(root.begin(), root.end(), 0);
    const auto find = [&](std::size_t k) {
        while (root[k] != k)
            k = root[k];
        return k;
    };
    for (std::size_t a = 0; a < factors.size(); ++a)
        for (std::size_t b = a + 1; b < factors.size(); ++b)
            if (dependent(derivation, key, demanded, factors[a], factors[b]))
                root[find(b)] = find(a);
    std::map<std::size_t, std::vector<std::size_t>> classes;
    for (std::size_t k = 0; k < factors.size(); ++k)
        classes[find(k)].push_back(k);
    std::vector<std::vector<std::size_t>> result;
    for (auto& [unused, members] : classes)
        result.push_back(std::move(members));
    return result;
}

void factor(Derivation& derivation, const PairKey& key, const Set& demanded, Equation& equation) {
    const auto reads = [](const Unit& unit) {
        if (unit.form.kind == FormKind::product)
            return unit.form.reads;
        ElementRead own{unit.family, {}};
        own.access.indices.append(unit.indices.begin(), unit.indices.end());
        return std::vector<ElementRead>{own};
    };
    const std::vector<ElementRead> left = reads(derivation.units[key.left]);
    const std::vector<ElementRead> right = reads(derivation.units[key.right]);
    const auto read_of = [&](std::size_t k) -> const ElementRead& {
        return k < left.size() ? left[k] : right[k - left.size()];
    };
    for (const std::vector<std::size_t>& group : group_factors(derivation, key, left, right, demanded)) {
        if (group.size() > 2) {
            derivation.diagnostics.report(source::Id::joint_expectation, derivation.units[key.left].span,
                                          derivation.describe(key.left), derivation.describe(key.right));
            derivation.refused = true;
            return;
        }
        GroupRead read;
        for (const std::size_t k : group) {
            const Factor factor = factor_of(derivation, read_of(k), k >= left.size());
            if (factor.right)
                (read.right ? read.right2 : read.right) = factor.element;
            else
                (read.left ? read.left2 : read.left) = factor.element;
            need_family(derivation, factor.element.family);
        }
        if (group.size() == 1)
            need_mean(derivation, read_of(group[0]).family);
        else if (read.left && read.right)
            demand_elements(derivation, key.self, read.left->family, read.right->family,
                            elements_read(derivation, key, demanded, {}, {}, *read.left, *read.right));
        else
            demand_moment(derivation, read_of(group[0]), read_of(group[1]),
                          derivation.units[read.left ? key.left : key.right].domain, {});
        equation.groups.push_back(std::move(read));
    }
}

} // namespace tpc::limit
