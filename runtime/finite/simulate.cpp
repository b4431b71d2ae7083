#include "runtime/finite/simulate.hpp"

#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <iterator>
#include <stdexcept>

namespace tpc::finite {
namespace {

using Flat = Eigen::VectorXd;

Flat flatten(const Kernels& kernels, Tensor OutputKernels::*member) {
    std::vector<double> values;
    for (const OutputKernels& output : kernels)
        values.insert(values.end(), (output.*member).values.begin(), (output.*member).values.end());
    return Eigen::Map<const Flat>(values.data(), static_cast<Eigen::Index>(values.size()));
}

void check_shapes(const Kernels& kernels, const Kernels& limit, Tensor OutputKernels::*member) {
    bool same = kernels.size() == limit.size();
    for (std::size_t o = 0; same && o < limit.size(); ++o)
        same = (kernels[o].*member).shape == (limit[o].*member).shape;
    if (!same)
        throw std::invalid_argument("the limit does not have the shape of the network's kernel");
}

Deviation deviation(const std::vector<Flat>& draws, const Flat& limit) {
    const double norm = limit.norm() > 0 ? limit.norm() : 1;
    const auto count = static_cast<double>(draws.size());
    Deviation result;
    Flat mean = Flat::Zero(limit.size());
    for (const Flat& draw : draws) {
        result.typical += (draw - limit).norm() / norm / count;
        mean += draw / count;
    }
    result.of_mean = (mean - limit).norm() / norm;
    double squares = 0;
    for (const Flat& draw : draws)
        squares += (draw - mean).squaredNorm();
    result.noise =
        draws.size() > 1 ? std::sqrt(squares / (count - 1) / count) / norm : std::numeric_limits<double>::quiet_NaN();
    return result;
}

double exponent(const std::vector<Row>& rows, Deviation Row::*kernel, double Deviation::*which) {
    double count = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (const Row& row : rows) {
        const double value = row.*kernel.*which;
        if (!(value > 0) || !std::isfinite(value))
            continue;
        const double log_width = std::log(static_cast<double>(row.width)), log_value = std::log(value);
        count += 1;
        x += log_width;
        y += log_value;
        xx += log_width * log_width;
        xy += log_width * log_value;
    }
    const double spread = count * xx - x * x;
    return count >= 2 && spread > 1e-9 ? (count * xy - x * y) / spread : std::numeric_limits<double>::quiet_NaN();
}

// All entries of the kernel that the blocks of pairs of sets make up: those of different sets stand in it twice.
Kernels whole(const std::vector<Kernels>& pairs, std::size_t sets) {
    Kernels all;
    for (std::size_t k = 0; k < sets; ++k)
        for (std::size_t l = k; l < sets; ++l)
            for (int times = k == l ? 1 : 2; times > 0; --times) {
                const Kernels& block = pairs[pair_index(k, l, sets)];
                all.insert(all.end(), block.begin(), block.end());
            }
    return all;
}

} // namespace

Table simulate(const std::function<Kernels(std::size_t, std::uint64_t)>& kernels, const Kernels& limit,
               const SimulateOptions& options) {
    const Flat nngp = flatten(limit, &OutputKernels::nngp), ntk = flatten(limit, &OutputKernels::ntk);
    Table table;
    table.seeds = options.seeds;
    table.has_nngp = nngp.size() > 0;
    table.has_ntk = ntk.size() > 0;
    std::size_t done = 0;
    for (std::size_t width : options.widths) {
        const auto start = std::chrono::steady_clock::now();
        std::vector<Flat> nngps, ntks;
        for (std::size_t k = 0; k < options.seeds; ++k) {
            const Kernels found = kernels(width, options.seed + k);
            if (table.has_nngp) {
                check_shapes(found, limit, &OutputKernels::nngp);
                nngps.push_back(flatten(found, &OutputKernels::nngp));
            }
            if (table.has_ntk) {
                check_shapes(found, limit, &OutputKernels::ntk);
                ntks.push_back(flatten(found, &OutputKernels::ntk));
            }
            if (options.progress)
                options.progress(++done, options.widths.size() * options.seeds);
        }
        Row row;
        row.width = width;
        if (table.has_nngp)
            row.nngp = deviation(nngps, nngp);
        if (table.has_ntk)
            row.ntk = deviation(ntks, ntk);
        row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        table.rows.push_back(row);
    }
    for (auto [exponents, kernel] : {std::pair(&table.nngp, &Row::nngp), std::pair(&table.ntk, &Row::ntk)}) {
        exponents->typical = exponent(table.rows, kernel, &Deviation::typical);
        exponents->of_mean = exponent(table.rows, kernel, &Deviation::of_mean);
    }
    return table;
}

Table simulate(const ir::Program& program, const SampleSet& set, const Kernels& limit, const SimulateOptions& options) {
    return simulate(program, std::vector<SampleSet>{set}, std::vector<Kernels>{limit}, options);
}

Table simulate(const ir::Program& program, const std::vector<SampleSet>& sets, const std::vector<Kernels>& limit,
               const SimulateOptions& options) {
    std::vector<Graph> graphs;
    std::vector<const Data*> data;
    for (const SampleSet& set : sets) {
        graphs.push_back(unroll(program, set.sizes));
        data.push_back(&set.data);
    }
    return simulate(
        [&](std::size_t width, std::uint64_t seed) {
            Draw draw(width, seed);
            return whole(empirical_kernels(graphs, data, draw), sets.size());
        },
        whole(limit, sets.size()), options);
}

std::string print(const Table& table) {
    std::string text = fmt::format("relative Frobenius deviation from the limit, {} seeds\n{:>8}", table.seeds, "width");
    const auto heading = [&](const char* name) {
        text += fmt::format("  {:>11}  {:>11}", name, fmt::format("mean {}", name));
    };
    if (table.has_nngp)
        heading("nngp");
    if (table.has_ntk)
        heading("ntk");
    text += fmt::format("  {:>8}\n", "seconds");
    for (const Row& row : table.rows) {
        text += fmt::format("{:>8}", row.width);
        if (table.has_nngp)
            text += fmt::format("  {:>11.3e}  {:>11.3e}", row.nngp.typical, row.nngp.of_mean);
        if (table.has_ntk)
            text += fmt::format("  {:>11.3e}  {:>11.3e}", row.ntk.typical, row.ntk.of_mean);
        text += fmt::format("  {:>8.2f}\n", row.seconds);
    }
    text += fmt::format("{:>8}", "exponent");
    if (table.has_nngp)
        text += fmt::format("  {:>11.2f}  {:>11.2f}", table.nngp.typical, table.nngp.of_mean);
    if (table.has_ntk)
        text += fmt::format("  {:>11.2f}  {:>11.2f}", table.ntk.typical, table.ntk.of_mean);
    text += "\n";
    return text;
}

} // namespace tpc::finite
