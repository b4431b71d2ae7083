#include "compiler/limit/sources.hpp"

#include <set>
#include <utility>

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

// What one term adds to the sources of a family.
struct Contribution {
    std::optional<std::uint32_t> source; // a parameter or Gaussian family; else a read of `operand`
    std::uint32_t operand = 0;
    Map map; // element -> member, or element -> element read
};
using Contributions = std::vector<std::vector<Contribution>>; // by family

Contributions contributions_of(const network::Network& network, const IndexSpace& space, bool right) {
    const Program& program = network.program;
    const Sight sight{right ? static_cast<std::uint32_t>(program.symbols.size() / 2) : 0};
    Contributions result(program.families.size());
    for (std::size_t k = 0; k < program.statements.size(); ++k) {
        const Statement& statement = program.statements[k];
        if (program.families[statement.family].type != Type::vector)
            continue;
        std::vector<Symbol> loops;
        std::vector<Condition> domain;
        for (const Range& range : statement.domain.ranges) {
            loops.push_back(sight(range.index));
            require(domain, sight(range));
        }
        for (const Condition& condition : statement.domain.conditions)
            domain.push_back({sight(condition.value), condition.relation});
        const Map target = space.map(loops, sight(statement.indices), {}, domain).reverse();
        const auto relation = [&](const std::vector<Range>& sums, const Access& access) {
            std::vector<Symbol> hidden;
            std::vector<Condition> conditions = domain;
            for (const Range& range : sums) {
                hidden.push_back(sight(range.index));
                require(conditions, sight(range));
            }
            return then(target, space.map(loops, sight(access), hidden, conditions));
        };
        const auto read = [&](const std::vector<Range>& sums, std::uint32_t operand, const Access& access) {
            Map map = relation(sums, access);
            if (access.mode == IndexMode::wrap || access.mode == IndexMode::clamp)
                map = then(map, space.mode_map(operand, right, access.mode));
            result[statement.family].push_back({std::nullopt, operand, std::move(map)});
        };
        for (const network::LinearTerm& term : network.forms[k].terms) {
            if (term.base == network::Base::read)
                read(term.ranges, term.operand, term.access);
            else if (term.base != network::Base::one)
                result[statement.family].push_back({term.parameter, 0, relation(term.ranges, term.member)});
        }
        for (const network::ElementRead& element : network.forms[k].reads)
            read(element.ranges, element.family, element.access);
    }
    return result;
}

using OfFamilies = std::vector<Sources::Relation>;

constexpr int exact_growths = 3; // before widening
constexpr int most_growths = 100;

// Adds what the operands have by now; false when the family had it all. `growths` counts by source.
bool grow(OfFamilies& sources, std::uint32_t family, const std::vector<Contribution>& contributions,
          std::map<std::uint32_t, int>& growths) {
    std::map<std::uint32_t, std::vector<Map>> found;
    for (const Contribution& contribution : contributions) {
        if (contribution.source)
            found[*contribution.source].push_back(contribution.map);
        else
            for (const auto& [source, map] : sources[contribution.operand])
                found[source].push_back(then(contribution.map, map));
    }
    bool grown = false;
    for (const auto& [source, maps] : found) {
        const Map more = united(maps);
        if (more.empty())
            continue;
        const auto [place, fresh] = sources[family].try_emplace(source, more);
        if (!fresh) {
            if (more.subset_of(place->second))
                continue;
            const int growth = ++growths[source];
            if (growth > most_growths)
                throw passes::IntegerSetError("the sources of the vectors did not settle");
            const Map both = place->second | more;
            place->second = growth < exact_growths ? both : widen(place->second, both);
        }
        grown = true;
    }
    return grown;
}

// The least fixpoint of: source(x[e]) holds the sources in x[e]'s definition and those of the elements it reads, made finite
// by widening. Sweeps visit the families of which an operand has grown, in the order of their last statements: what is not
// recursive is done in the first.
OfFamilies fixpoint(const Program& program, const IndexSpace& space, const Contributions& contributions) {
    std::vector<std::size_t> last(program.families.size(), 0);
    for (std::size_t k = 0; k < program.statements.size(); ++k)
        last[program.statements[k].family] = k;
    using Waiting = std::set<std::pair<std::size_t, std::uint32_t>>;
    Waiting now;
    Waiting later;
    std::vector<std::vector<std::uint32_t>> readers(program.families.size());
    for (std::uint32_t f = 0; f < program.families.size(); ++f) {
        for (const Contribution& contribution : contributions[f])
            if (std::vector<std::uint32_t>& list = readers[contribution.operand];
                !contribution.source && (list.empty() || list.back() != f))
                list.push_back(f);
        now.emplace(last[f], f);
    }
    OfFamilies sources(program.families.size());
    std::vector<std::map<std::uint32_t, int>> growths(program.families.size());
    for (; !now.empty(); now = std::exchange(later, {}))
        while (!now.empty()) {
            const auto place = *now.begin();
            now.erase(now.begin());
            space.sets().restart();
            if (!grow(sources, place.second, contributions[place.second], growths[place.second]))
                continue;
            for (const std::uint32_t reader : readers[place.second]) {
                const auto next = std::pair(last[reader], reader);
                (next > place ? now : later).insert(next);
            }
        }
    return sources;
}

} // namespace

Sources::Sources(const network::Network& network, const IndexSpace& space) : network_(network), space_(space) {
    parameters_[0] = fixpoint(network.program, space, contributions_of(network, space, false));
    parameters_[1] =
        space.symmetric() ? parameters_[0] : fixpoint(network.program, space, contributions_of(network, space, true));
}

const Sources::Relation& Sources::gaussians(std::uint32_t x, bool right) const {
    auto& gaussians = gaussians_[right];
    if (!gaussians) {
        Contributions contributions = contributions_of(network_, space_, right);
        for (std::uint32_t f = 0; f < contributions.size(); ++f) {
            std::erase_if(contributions[f], [&](const Contribution& c) { return network_.gaussian[f] || c.source; });
            if (network_.gaussian[f])
                contributions[f].push_back({f, 0, identity(space_.assigned(f, right))});
        }
        gaussians = fixpoint(network_.program, space_, contributions);
    }
    return (*gaussians)[x];
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
    if (!result)
        result = space_.sets().no_pairs(network_.program.families[x].rank, network_.program.families[y].rank);
    return common_.emplace(key, *result).first->second;
}

} // namespace tpc::limit
