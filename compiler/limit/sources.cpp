#include "compiler/limit/sources.hpp"

#include <fmt/format.h>

#include <set>

namespace tpc::limit {

using namespace ir;
using passes::Map;

namespace {

// A statement seen from one sample: all symbols primed for the right one.
struct Sight {
    std::uint32_t offset;
    [[nodiscard]] Symbol operator()(Symbol s) const { return static_cast<Symbol>(static_cast<std::uint32_t>(s) + offset); }
    [[nodiscard]] Affine operator()(const Affine& a) const {
        return substitute(a, [&](Symbol s) -> std::optional<Affine> { return Affine::of((*this)(s)); });
    }
    [[nodiscard]] Range operator()(const Range& r) const { return {(*this)(r.index), (*this)(r.lower), (*this)(r.upper)}; }
    [[nodiscard]] std::vector<Affine> operator()(const std::vector<Affine>& list) const {
        std::vector<Affine> result;
        for (const Affine& a : list)
            result.push_back((*this)(a));
        return result;
    }
    [[nodiscard]] std::vector<Affine> operator()(const Access& access) const {
        return (*this)(std::vector<Affine>(access.indices.begin(), access.indices.end()));
    }
};

constexpr int exact_rounds = 3; // before widening
constexpr int most_rounds = 100;

} // namespace

Sources::Sources(const Network& network, const IndexSpace& space) : network_(network), space_(space) {
    const auto primed_from = static_cast<std::uint32_t>(network.program.symbols.size() / 2);
    solve(false, primed_from);
    solve(true, primed_from);
}

// The least fixpoint of: source(x[e]) holds the parameters in x[e]'s definition and the sources of the elements it reads,
// made finite by widening.
void Sources::solve(bool right, std::uint32_t primed_from) {
    const Program& program = network_.program;
    const Sight sight{right ? primed_from : 0};
    auto& sources = sources_[right];
    sources.resize(program.families.size());

    struct Contribution {
        std::uint32_t family;
        std::optional<std::uint32_t> parameter; // else a read of `operand`
        std::uint32_t operand = 0;
        Map map; // element -> member, or element -> element read
    };
    std::vector<Contribution> contributions;
    for (std::size_t k = 0; k < program.statements.size(); ++k) {
        const Statement& statement = program.statements[k];
        if (program.families[statement.family].type != Type::vector)
            continue;
        std::vector<Symbol> loops;
        std::vector<std::string> domain;
        for (const Range& range : statement.domain.ranges) {
            loops.push_back(sight(range.index));
            domain.push_back(space_.constraint(sight(range)));
        }
        for (const Condition& condition : statement.domain.conditions)
            domain.push_back(space_.constraint(Condition{sight(condition.value), condition.relation}));
        const Map target = space_.map(loops, sight(statement.indices), {}, domain).reverse();
        const auto relation = [&](const std::vector<Range>& sums, const Access& access) {
            std::vector<Symbol> hidden;
            std::vector<std::string> constraints = domain;
            for (const Range& range : sums) {
                hidden.push_back(sight(range.index));
                constraints.push_back(space_.constraint(sight(range)));
            }
            return then(target, space_.map(loops, sight(access), hidden, constraints));
        };
        const auto read = [&](const std::vector<Range>& sums, std::uint32_t operand, const Access& access) {
            contributions.push_back({statement.family, std::nullopt, operand,
                                     then(relation(sums, access), space_.mode_map(operand, right, access.mode))});
        };
        for (const LinearTerm& term : network_.forms[k].terms) {
            if (term.base == Base::read)
                read(term.ranges, term.operand, term.access);
            else if (term.base != Base::one)
                contributions.push_back({statement.family, term.parameter, 0, relation(term.ranges, term.member)});
        }
        for (const ElementRead& element : network_.forms[k].reads)
            read({}, element.family, element.access);
    }
    bool changed = true;
    for (int round = 0; changed; ++round) {
        if (round > most_rounds)
            throw passes::IntegerSetError("the sources of the vectors did not settle");
        changed = false;
        const auto grow = [&](std::uint32_t family, std::uint32_t parameter, const Map& more) {
            if (more.empty())
                return;
            auto [place, fresh] = sources[family].try_emplace(parameter, more);
            if (fresh) {
                changed = true;
            } else if (!more.subset_of(place->second)) {
                const Map both = place->second | more;
                place->second = round < exact_rounds ? both : widen(place->second, both);
                changed = true;
            }
        };
        for (const Contribution& contribution : contributions) {
            if (contribution.parameter) {
                if (round == 0)
                    grow(contribution.family, *contribution.parameter, contribution.map);
                continue;
            }
            const auto operand = sources[contribution.operand];
            for (const auto& [parameter, map] : operand)
                grow(contribution.family, parameter, then(contribution.map, map));
        }
    }
}

const Map& Sources::common(std::uint32_t x, std::uint32_t y) const {
    const auto key = std::pair(x, y);
    if (const auto found = common_.find(key); found != common_.end())
        return found->second;
    std::optional<Map> result;
    for (const auto& [parameter, left] : sources_[0][x]) {
        const auto right = sources_[1][y].find(parameter);
        if (right == sources_[1][y].end())
            continue;
        const Map pairs = then(left, right->second.reverse());
        result = result ? *result | pairs : pairs;
    }
    if (!result) {
        std::vector<std::string> from;
        std::vector<std::string> to;
        for (unsigned d = 0; d < network_.program.families[x].rank; ++d)
            from.push_back(fmt::format("v{}", d));
        for (unsigned d = 0; d < network_.program.families[y].rank; ++d)
            to.push_back(fmt::format("w{}", d));
        result = space_.sets().map(fmt::format("{{ [{}] -> [{}] : 0 = 1 }}", fmt::join(from, ","), fmt::join(to, ",")));
    }
    return common_.emplace(key, *result).first->second;
}

} // namespace tpc::limit
