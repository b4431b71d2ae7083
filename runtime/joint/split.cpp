#include "runtime/joint/split.hpp"

#include "runtime/tapes/copy.hpp"

#include <llvm/ADT/BitVector.h>

#include <algorithm>
#include <set>

namespace tpc::joint {
namespace {

using ir::Function;
using Kind = TapeNode::Kind;

constexpr std::size_t most_terms = 2048;
constexpr std::size_t most_steps = 20'000;

struct TooLarge {};

// Products of scalars and of expectations, merged.
using Product = std::pair<std::vector<NodeId>, std::vector<std::size_t>>; // both sorted
using Polynomial = std::map<Product, double>;

class Splitter {
  public:
    Splitter(const Integrand& whole, const std::vector<std::uint32_t>& block, Depth depth)
        : whole_(whole), block_(block), depth_(depth), tape_(whole.tape) {
        blocks_ = 0;
        for (const std::uint32_t label : block)
            blocks_ = std::max(blocks_, label + 1);
    }

    Polynomial expectation(std::vector<NodeId> factors) {
        if (++steps_ > most_steps)
            throw TooLarge{};
        double number = 1;
        std::vector<NodeId> scalars;
        flatten(factors, scalars, number);
        Polynomial result{{{scalars, {}}, number}};
        if (number == 0)
            return {};
        for (const std::vector<NodeId>& group : groups(factors))
            result = times(result, connected(group));
        return result;
    }

    // The part's Gaussians, renumbered, and its function.
    Part part(const std::vector<NodeId>& factors) {
        llvm::BitVector used(gaussians());
        for (const NodeId factor : factors)
            used |= support(factor);
        Part result;
        std::map<std::uint32_t, std::uint32_t> place;
        for (const int k : used.set_bits()) {
            const auto g = static_cast<std::uint32_t>(k);
            place.emplace(g, static_cast<std::uint32_t>(place.size()));
            if (g < whole_.left_gaussians)
                result.left.push_back(g);
            else
                result.right.push_back(g - whole_.left_gaussians);
        }
        Integrand& integrand = result.integrand;
        integrand.left_gaussians = static_cast<std::uint32_t>(result.left.size());
        integrand.right_gaussians = static_cast<std::uint32_t>(result.right.size());
        integrand.left = integrand.right = integrand.tape.number(1);
        TapeCopy copy(tape_, integrand.tape, [&](std::uint32_t index) { return integrand.tape.gaussian(place.at(index)); });
        for (const NodeId factor : factors) {
            const bool on_left = static_cast<std::uint32_t>(support(factor).find_first()) < whole_.left_gaussians;
            NodeId& side = on_left ? integrand.left : integrand.right;
            side = integrand.tape.apply(Function::mul, side, copy(factor));
        }
        return result;
    }

    [[nodiscard]] const std::vector<std::vector<NodeId>>& parts() const { return parts_; }
    [[nodiscard]] const Tape& tape() const { return tape_; }

  private:
    const Integrand& whole_;
    const std::vector<std::uint32_t>& block_;
    Depth depth_;
    std::uint32_t blocks_ = 0;
    Tape tape_;
    std::vector<llvm::BitVector> supports_; // Gaussians, by node
    std::map<std::vector<NodeId>, Polynomial> known_;
    std::vector<std::vector<NodeId>> parts_;
    std::map<std::vector<NodeId>, std::size_t> part_of_;
    std::size_t steps_ = 0;

    [[nodiscard]] unsigned gaussians() const { return whole_.left_gaussians + whole_.right_gaussians; }
    [[nodiscard]] TapeNode node(NodeId id) const { return tape_.nodes()[id]; }

    llvm::BitVector support(NodeId id) {
        while (supports_.size() <= id) {
            const TapeNode next = node(static_cast<NodeId>(supports_.size()));
            llvm::BitVector bits(gaussians());
            if (next.kind == Kind::gaussian)
                bits.set(next.index);
            if (next.kind == Kind::apply) {
                bits |= supports_[next.a];
                bits |= supports_[next.b];
            }
            supports_.push_back(std::move(bits));
        }
        return supports_[id];
    }

    std::set<std::uint32_t> blocks(const llvm::BitVector& bits) const {
        std::set<std::uint32_t> result;
        for (const int k : bits.set_bits())
            result.insert(block_[static_cast<std::size_t>(k)]);
        return result;
    }
    std::set<std::uint32_t> blocks(NodeId id) { return blocks(support(id)); }

    bool apart(NodeId a, NodeId b) {
        const auto x = blocks(a);
        const auto y = blocks(b);
        return std::ranges::none_of(x, [&](std::uint32_t label) { return y.contains(label); });
    }

    // Into factors that depend on Gaussians, sorted, scalars, sorted, and a number.
    void flatten(std::vector<NodeId>& factors, std::vector<NodeId>& scalars, double& number) {
        std::vector<NodeId> open = std::move(factors);
        factors.clear();
        while (!open.empty()) {
            const NodeId id = open.back();
            open.pop_back();
            const TapeNode n = node(id);
            if (n.kind == Kind::number) {
                number *= n.number;
            } else if (support(id).none()) {
                scalars.push_back(id);
            } else if (n.kind == Kind::gaussian) {
                factors.push_back(id);
            } else if (n.function == Function::mul) {
                open.push_back(n.a);
                open.push_back(n.b);
            } else if (n.function == Function::neg) {
                number = -number;
                open.push_back(n.a);
            } else if (n.function == Function::div && apart(n.a, n.b)) {
                open.push_back(n.a);
                const NodeId inverse = tape_.apply(Function::div, tape_.number(1), n.b);
                (inverse == id ? factors : open).push_back(inverse);
            } else if (n.function == Function::square && node(n.a).kind == Kind::apply &&
                       node(n.a).function == Function::mul) {
                const TapeNode product = node(n.a);
                open.push_back(tape_.apply(Function::square, product.a));
                open.push_back(tape_.apply(Function::square, product.b));
            } else {
                factors.push_back(id);
            }
        }
        std::sort(factors.begin(), factors.end());
        std::sort(scalars.begin(), scalars.end());
    }

    // Factors that share blocks, directly or through others.
    std::vector<std::vector<NodeId>> groups(const std::vector<NodeId>& factors) {
        std::vector<std::pair<std::set<std::uint32_t>, std::vector<NodeId>>> result;
        for (const NodeId factor : factors) {
            std::pair<std::set<std::uint32_t>, std::vector<NodeId>> merged{blocks(factor), {factor}};
            std::erase_if(result, [&](const auto& other) {
                if (std::ranges::none_of(other.first, [&](std::uint32_t label) { return merged.first.contains(label); }))
                    return false;
                merged.first.insert(other.first.begin(), other.first.end());
                merged.second.insert(merged.second.end(), other.second.begin(), other.second.end());
                return true;
            });
            result.push_back(std::move(merged));
        }
        std::vector<std::vector<NodeId>> lists;
        for (auto& group : result) {
            std::sort(group.second.begin(), group.second.end());
            lists.push_back(std::move(group.second));
        }
        return lists;
    }

    Polynomial connected(const std::vector<NodeId>& factors) {
        if (const auto found = known_.find(factors); found != known_.end())
            return found->second;
        Polynomial result;
        if (const auto which = to_multiply_out(factors)) {
            std::vector<NodeId> rest = factors;
            rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(*which));
            const TapeNode sum = node(factors[*which]);
            const auto with = [&](std::initializer_list<NodeId> more) {
                std::vector<NodeId> all = rest;
                all.insert(all.end(), more);
                return expectation(std::move(all));
            };
            if (sum.function == Function::square) {
                result = with({sum.a, sum.a});
            } else {
                result = with({sum.a});
                const double sign = sum.function == Function::sub ? -1 : 1;
                for (const auto& [product, number] : with({sum.b}))
                    result[product] += sign * number;
            }
        } else {
            const auto [place, fresh] = part_of_.try_emplace(factors, parts_.size());
            if (fresh)
                parts_.push_back(factors);
            result[{{}, {place->second}}] = 1;
        }
        if (result.size() > most_terms)
            throw TooLarge{};
        known_[factors] = result;
        return result;
    }

    // A sum over several blocks, or one of which both terms leave fewer Gaussians than there are.
    std::optional<std::size_t> to_multiply_out(const std::vector<NodeId>& factors) {
        if (depth_ == Depth::factors)
            return std::nullopt;
        llvm::BitVector all(gaussians());
        for (const NodeId factor : factors)
            all |= support(factor);
        std::optional<std::size_t> best;
        std::size_t widest = 1;
        for (std::size_t k = 0; k < factors.size(); ++k) {
            const TapeNode n = node(factors[k]);
            if (n.kind != Kind::apply)
                continue;
            const bool sum = n.function == Function::add || n.function == Function::sub;
            const TapeNode inner = node(n.a);
            const bool square = n.function == Function::square && inner.kind == Kind::apply &&
                                (inner.function == Function::add || inner.function == Function::sub);
            if (!sum && !square)
                continue;
            if (const std::size_t width = blocks(factors[k]).size(); width > widest) {
                widest = width;
                best = k;
                continue;
            }
            if (best || !sum)
                continue;
            const auto fewer = [&](NodeId term) {
                llvm::BitVector with = support(term);
                for (std::size_t other = 0; other < factors.size(); ++other)
                    if (other != k)
                        with |= support(factors[other]);
                return with.count() < all.count();
            };
            if (fewer(n.a) && fewer(n.b))
                best = k;
        }
        return best;
    }

    Polynomial times(const Polynomial& a, const Polynomial& b) const {
        Polynomial result;
        for (const auto& [x, p] : a)
            for (const auto& [y, q] : b) {
                Product product = x;
                product.first.insert(product.first.end(), y.first.begin(), y.first.end());
                product.second.insert(product.second.end(), y.second.begin(), y.second.end());
                std::sort(product.first.begin(), product.first.end());
                std::sort(product.second.begin(), product.second.end());
                result[product] += p * q;
                if (result.size() > most_terms)
                    throw TooLarge{};
            }
        return result;
    }
};

// Everything as it stands.
Split undivided(const Integrand& whole, bool slopes) {
    Split result;
    Part part{whole, {}, {}};
    for (std::uint32_t k = 0; k < whole.left_gaussians; ++k)
        part.left.push_back(k);
    for (std::uint32_t k = 0; k < whole.right_gaussians; ++k)
        part.right.push_back(k);
    finish(part.integrand, slopes);
    result.terms.push_back({1, {}, {0}});
    result.parts.push_back(std::move(part));
    return result;
}

} // namespace

Split split(const Integrand& whole, const std::vector<std::uint32_t>& block, bool slopes, Depth depth) {
    try {
        Splitter splitter(whole, block, depth);
        const Polynomial polynomial = splitter.expectation({whole.left, whole.right});
        Split result;
        std::map<std::size_t, std::size_t> place; // of the parts that are left after merging
        for (const auto& [product, number] : polynomial) {
            if (number == 0)
                continue;
            Split::Term term{number, product.first, {}};
            for (const std::size_t part : product.second) {
                const auto [at, fresh] = place.try_emplace(part, result.parts.size());
                if (fresh) {
                    result.parts.push_back(splitter.part(splitter.parts()[part]));
                    finish(result.parts.back().integrand, slopes);
                }
                term.parts.push_back(at->second);
            }
            result.terms.push_back(std::move(term));
        }
        result.tape = splitter.tape();
        return result;
    } catch (const TooLarge&) {
        return depth == Depth::terms ? split(whole, block, slopes, Depth::factors) : undivided(whole, slopes);
    }
}

} // namespace tpc::joint
