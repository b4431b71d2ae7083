// What the expectations of an evaluation were, how they were computed, and what that cost.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

namespace tpc::execute {

struct LedgerEntry {
    std::size_t dimension = 0; // Gaussians of both sides
    std::uint64_t evaluations = 0;
    std::size_t points = 0; // of quadrature or sampling, or terms kept per sample; 0: closed form
    double seconds = 0;     // of all evaluations
    double error = 0;       // the largest estimate, relative to the norms of both sides; 0: rounding
    std::string note;
    double arithmetic = 0; // floating-point operations of one evaluation by a row operation; 0: there is none
};

struct Ledger {
    // For one pair of samples, else for each sample; the expectation in the program's names; of which Gaussians; the method.
    using Key = std::tuple<bool, std::string, std::string, std::string>;
    std::map<Key, LedgerEntry> entries;
    std::size_t samples = 0, pairs = 0; // that were evaluated

    void add(const Key& key, const LedgerEntry& more) {
        LedgerEntry& entry = entries[key];
        entry.dimension = more.dimension;
        entry.evaluations += more.evaluations;
        entry.points = entry.points > more.points ? entry.points : more.points;
        entry.seconds += more.seconds;
        entry.error = entry.error > more.error ? entry.error : more.error;
        entry.note = more.note;
        entry.arithmetic = more.arithmetic;
    }
};

} // namespace tpc::execute
