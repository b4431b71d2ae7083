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
    for (const bool right : {false, true}) {
        collect(right);
        parameters_[right] = fixpoint(parameter_steps_[right], reads_[right]);
    }
}

// What the statements say directly: the parameters in the definition of an element, and the elements it reads.
void Sources::collect(bool right) {
    const Program& program = network_.program;
    const Sight sight{right ? static_cast<std::uint32_t>(program.symbols.size() / 2) : 0};
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
            reads_[right].push_back(
                {statement.family, operand, then(relation(sums, access), space_.mode_map(operand, right, access.mode))});
        };
        for (const LinearTerm& term : network_.forms[k].terms) {
            if (term.base == Base::read)
                read(term.ranges, term.operand, term.access);
            else if (term.base != Base::one)
                parameter_steps_[right].push_back({statement.family, term.parameter, relation(term.ranges, term.member)});
        }
        for (const ElementRead& element : network_.forms[k].reads)
            read(element.ranges, element.family, element.access);
    }
}

// The least relation that holds the `first` steps and what the elements read are related to, made finite by widening.
std::vector<Sources::Relation> Sources::fixpoint(const std::vector<Step>& first, const std::vector<Step>& reads) const {
    std::vector<Relation> sources(network_.program.families.size());
    bool changed = true;
    for (int round = 0; changed; ++round) {
        if (round > most_rounds)
            throw passes::IntegerSetError("the sources of the vectors did not settle");
        changed = false;
        const auto grow = [&](std::uint32_t family, std::uint32_t source, const Map& more) {
            if (more.empty())
                return;
            auto [place, fresh] = sources[family].try_emplace(source, more);
            if (fresh) {
                changed = true;
            } else if (!more.subset_of(place->second)) {
                const Map both = place->second | more;
                place->second = round < exact_rounds ? both : widen(place->second, both);
                changed = true;
            }
        };
        if (round == 0)
            for (const Step& step : first)
                grow(step.family, step.source, step.map);
        for (const Step& step : reads) {
            const Relation operand = sources[step.source];
            for (const auto& [source, map] : operand)
                grow(step.family, source, then(step.map, map));
        }
    }
    return sources;
}

const Sources::Relation& Sources::gaussians(std::uint32_t x, bool right) const {
    if (!gaussians_[right]) {
        std::vector<Step> itself;
        std::vector<Step> reads;
        for (std::uint32_t f = 0; f < network_.program.families.size(); ++f)
            if (network_.gaussian[f])
                itself.push_back({f, f, identity(space_.assigned(f, right))});
        for (const Step& read : reads_[right])
            if (!network_.gaussian[read.family])
                reads.push_back(read);
        gaussians_[right] = fixpoint(itself, reads);
    }
    return (*gaussians_[right])[x];
}

const Map& Sources::common(std::uint32_t x, std::uint32_t y) const {
    const auto key = std::pair(x, y);
    if (const auto found = common_.find(key); found != common_.end())
        return found->second;
    std::optional<Map> result;
    for (const auto& [parameter, left] : parameters_[0][x]) {
        const auto right = parameters_[1][y].find(parameter);
        if (right == parameters_[1][y].end())
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
