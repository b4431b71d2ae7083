#include "runtime/samples/results.hpp"

#include <llvm/ADT/Hashing.h>

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cstring>

namespace tpc::execute {
namespace {

llvm::ArrayRef<double> row(const Input& input, std::size_t sample, std::size_t samples) {
    const std::size_t size = input.values.size() / samples;
    return llvm::ArrayRef<double>(input.values).slice(sample * size, size);
}

std::vector<std::size_t> hashes(const SampleSet& set) {
    std::vector<std::size_t> result(set.samples, 0);
    for (const Input& input : set.inputs)
        for (std::size_t s = 0; s < set.samples; ++s) {
            llvm::SmallVector<std::uint64_t, 64> bits;
            for (const double value : row(input, s, set.samples)) {
                std::uint64_t word = 0;
                const double number = value == 0 ? 0.0 : value; // 0 == -0
                std::memcpy(&word, &number, sizeof word);
                bits.push_back(word);
            }
            result[s] = llvm::hash_combine(result[s], llvm::hash_combine_range(bits.begin(), bits.end()));
        }
    return result;
}

} // namespace

EqualSamples::EqualSamples(const plan::Plan& plan, const SampleSet& left, const SampleSet& right)
    : left_(left), right_(right) {
    if (!plan.same_sizes)
        return;
    left_hash_ = hashes(left);
    for (const std::size_t hash : &left == &right ? left_hash_ : hashes(right))
        by_hash_.emplace_back(hash, by_hash_.size());
    std::sort(by_hash_.begin(), by_hash_.end());
}

std::vector<std::size_t> EqualSamples::operator()(std::size_t i, std::size_t first, std::size_t count) const {
    std::vector<std::size_t> result;
    if (left_hash_.empty())
        return result;
    auto same = std::lower_bound(by_hash_.begin(), by_hash_.end(), std::pair{left_hash_[i], first});
    for (; same != by_hash_.end() && same->first == left_hash_[i] && same->second < first + count; ++same) {
        bool equal = true;
        for (std::size_t k = 0; equal && k < left_.inputs.size(); ++k)
            equal = row(left_.inputs[k], i, left_.samples) == row(right_.inputs[k], same->second, right_.samples);
        if (equal)
            result.push_back(same->second - first);
    }
    return result;
}

Results::Results(const plan::Plan& plan, std::size_t left_samples, std::size_t right_samples, bool symmetric,
                 const Options& options, bool single)
    : plan_(plan), left_samples_(left_samples), right_samples_(right_samples), symmetric_(symmetric) {
    for (std::size_t o = 0; o < plan.recursions.network.outputs.size(); ++o) {
        Kernel kernel;
        std::size_t size = left_samples * right_samples;
        kernel.shape.push_back(left_samples);
        for (const std::int64_t axis : plan.left_outputs[o].size)
            kernel.shape.push_back(static_cast<std::size_t>(axis));
        kernel.shape.push_back(right_samples);
        for (const std::int64_t axis : plan.right_outputs[o].size)
            kernel.shape.push_back(static_cast<std::size_t>(axis));
        size *= static_cast<std::size_t>(plan.left_outputs[o].count() * plan.right_outputs[o].count());
        if (options.nngp)
            kernel.nngp = Entries(size, single);
        if (options.ntk)
            kernel.ntk = Entries(size, single);
        kernels_.push_back(std::move(kernel));
    }
}

template <class Real>
void Results::put(const plan::PairOp& op, const std::int64_t* slots, bool ntk, std::size_t i, std::size_t first,
                  std::size_t count, const Real* values) {
    const std::size_t output = op.left_statement - plan_.recursions.network.program.statements.size();
    Entries& kernel = ntk ? kernels_[output].ntk : kernels_[output].nngp;
    if (kernel.empty())
        return;
    plan::Indices left;
    plan::Indices right;
    for (const plan::Linear& k : op.left_target)
        left.push_back(k(slots));
    for (const plan::Linear& k : op.right_target)
        right.push_back(k(slots));
    const auto left_count = static_cast<std::size_t>(plan_.left_outputs[output].count());
    const auto right_count = static_cast<std::size_t>(plan_.right_outputs[output].count());
    const std::size_t at =
        ((i * left_count + offset_in(plan_.left_outputs[output], left)) * right_samples_ + first) * right_count +
        offset_in(plan_.right_outputs[output], right);
    kernel.with_numbers([&](auto* to) {
        for (std::size_t l = 0; l < count; ++l)
            to[at + l * right_count] = static_cast<std::remove_reference_t<decltype(*to)>>(values[l]);
    });
}

// K(xi_j, b; xi_i, a) = K(xi_i, a; xi_j, b), in blocks: entry by entry it costs as much as the kernel.
void Results::mirror(const Span& rows, const Span& columns) {
    if (!symmetric_)
        return;
    for (std::size_t o = 0; o < kernels_.size(); ++o) {
        const auto members = static_cast<std::size_t>(plan_.left_outputs[o].count());
        const std::size_t size = left_samples_ * members;
        for (Entries* kernel : {&kernels_[o].nngp, &kernels_[o].ntk}) {
            if (kernel->empty())
                continue;
            kernel->with_numbers([&](auto* values) {
                for (std::size_t q = columns.first * members; q < columns.end() * members; ++q) {
                    const std::size_t end = std::min(rows.end() * members, q / members * members); // of earlier samples
                    for (std::size_t p = rows.first * members; p < end; ++p)
                        values[q * size + p] = values[p * size + q];
                }
            });
        }
    }
}

void Results::mirror() {
    constexpr std::size_t block = 64; // rows that are read at once
    oneapi::tbb::parallel_for(std::size_t{0}, (left_samples_ + block - 1) / block, [&](std::size_t stripe) {
        const std::size_t first = stripe * block;
        mirror({first, std::min(block, left_samples_ - first)}, {first, left_samples_ - first});
    });
}

template void Results::put(const plan::PairOp&, const std::int64_t*, bool, std::size_t, std::size_t, std::size_t,
                           const double*);
template void Results::put(const plan::PairOp&, const std::int64_t*, bool, std::size_t, std::size_t, std::size_t,
                           const float*);

} // namespace tpc::execute
