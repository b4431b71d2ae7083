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

Factor factor_of(const Derivation& derivation, const network::ElementRead& read, bool right) {
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
                                                    const std::vector<network::ElementRead>& left,
                                                    const std::vector<network::ElementRead>& right, const Set& demanded) {
    std::vector<Factor> factors;
    for (const network::ElementRead& read : left)
        factors.push_back(factor_of(derivation, read, false));
    for (const network::ElementRead& read : right)
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
    const Unit& left_unit = derivation.units[key.left];
    const Unit& right_unit = derivation.units[key.right];
    const auto is_product = [](const Unit& unit) { return unit.form.kind == network::FormKind::product; };
    const auto reads = [&](const Unit& unit) {
        return is_product(unit) ? unit.form.reads : std::vector<network::ElementRead>{itself(unit)};
    };
    const std::vector<network::ElementRead> left = reads(left_unit);
    const std::vector<network::ElementRead> right = reads(right_unit);
    for (const std::vector<std::size_t>& group : group_factors(derivation, key, left, right, demanded)) {
        std::vector<network::ElementRead> lefts;
        std::vector<network::ElementRead> rights;
        for (const std::size_t k : group)
            (k < left.size() ? lefts : rights).push_back(k < left.size() ? left[k] : right[k - left.size()]);
        GroupRead read;
        for (const network::ElementRead& each : lefts)
            read.left.push_back(factor_of(derivation, each, false).element);
        for (const network::ElementRead& each : rights)
            read.right.push_back(factor_of(derivation, each, true).element);
        for (const auto* side : {&lefts, &rights})
            for (const network::ElementRead& each : *side)
                need_family(derivation, each.family);
        const bool own_pair = group.size() == 2 && !lefts.empty() && !rights.empty() && !is_product(left_unit) &&
                              !is_product(right_unit); // there is no smaller pair to read
        read.joint = group.size() > 2 || own_pair;
        if (read.joint) {
            demand_gaussians(derivation, left_unit.domain, lefts);
            demand_gaussians(derivation, right_unit.domain, rights);
            for (const Element& a : read.left)
                for (const Element& b : read.right)
                    demand_gaussians(derivation, key.self, a.family, b.family,
                                     elements_read(derivation, key, demanded, {}, {}, a, b));
        } else if (group.size() == 1) {
            need_mean(derivation, (lefts.empty() ? rights : lefts)[0].family);
        } else if (read.is_cross()) {
            demand_elements(derivation, key.self, read.left[0].family, read.right[0].family,
                            elements_read(derivation, key, demanded, {}, {}, read.left[0], read.right[0]));
        } else {
            const auto& side = lefts.empty() ? rights : lefts;
            demand_moment(derivation, side[0], side[1], (lefts.empty() ? right_unit : left_unit).domain, {});
        }
        equation.groups.push_back(std::move(read));
    }
}

} // namespace tpc::limit
