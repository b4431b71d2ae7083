#include "runtime/tiles/absorb.hpp"

#include "compiler/plan/items.hpp"
#include "runtime/tiles/names.hpp"

#include <algorithm>

namespace tpc::execute {

std::optional<std::uint32_t> sole_writer(const plan::Part& part, std::uint32_t array, std::uint32_t reader) {
    if (array == plan::no_array)
        return std::nullopt;
    const plan::PairArray& own = part.arrays[array];
    if (own.output || own.value || own.accumulated || own.sums)
        return std::nullopt;
    std::optional<std::uint32_t> result;
    for (std::uint32_t k = 0; k < part.ops.size(); ++k) {
        const plan::PairOp& op = part.ops[k];
        const auto reads = plan::reads_of(op);
        if (k != reader && std::any_of(reads.begin(), reads.end(), [&](const auto* read) { return read->array == array; }))
            return std::nullopt;
        if (op.output || op.array != array)
            continue;
        if (result)
            return std::nullopt;
        result = k;
    }
    return result;
}

std::optional<std::vector<plan::TermOp>> absorb(plan::Part& part, std::uint32_t reader, const plan::EntryRead& read,
                                                std::uint32_t writer) {
    const auto there = home_of(part, reader), here = home_of(part, writer);
    if (!there || !here || there->planes() != here->planes())
        return std::nullopt;
    plan::PairOp sum = part.ops[writer];
    Names names;
    if (!match(sum.left_target, read.left, names) || !match(sum.right_target, read.right, names))
        return std::nullopt;
    const std::set<std::uint32_t> around = there->slots();
    Renaming rename(names, around);
    for (plan::TermOp& term : sum.terms) {
        rename(term);
        const bool reads = term.kind == limit::PairTerm::Kind::matmul || term.kind == limit::PairTerm::Kind::read;
        if (reads && term.entry.array != plan::no_array && part.arrays[term.entry.array].accumulated)
            return std::nullopt; // sums over planes are there after them only
    }
    const std::vector<plan::Guard>& own = part.ops[reader].guards;
    for (plan::Guard& guard : sum.guards) {
        rename(guard.value);
        rename.fine = rename.fine && (always(guard) || std::any_of(own.begin(), own.end(), [&](const plan::Guard& other) {
                                          return same(other, guard);
                                      }));
    }
    if (!rename.fine)
        return std::nullopt;
    std::fill(part.arrays[read.array].box.size.begin(), part.arrays[read.array].box.size.end(), 0);
    remove(part.right[here->statement], writer);
    return std::move(sum.terms);
}

} // namespace tpc::execute
