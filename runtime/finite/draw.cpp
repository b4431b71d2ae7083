#include "runtime/finite/draw.hpp"

#include <boost/random/mersenne_twister.hpp>
#include <boost/random/normal_distribution.hpp>

#include <cmath>

namespace tpc::finite {
namespace {

// The finaliser of splitmix64: every bit of the key changes half of the bits of the seed.
std::uint64_t mix(std::uint64_t state, std::uint64_t value) {
    state += value + 0x9e3779b97f4a7c15U;
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9U;
    state = (state ^ (state >> 27)) * 0x94d049bb133111ebU;
    return state ^ (state >> 31);
}

std::vector<std::int64_t> key_of(const Member& member) {
    std::vector<std::int64_t> key{member.parameter};
    key.insert(key.end(), member.indices.begin(), member.indices.end());
    return key;
}

void fill(double* values, std::size_t count, double mean, double deviation, std::uint64_t seed, const Member& member) {
    std::uint64_t state = mix(seed, member.parameter);
    for (std::int64_t index : member.indices)
        state = mix(state, static_cast<std::uint64_t>(index));
    boost::random::mt19937_64 engine(state);
    boost::random::normal_distribution<double> normal;
    for (std::size_t i = 0; i < count; ++i)
        values[i] = mean + deviation * normal(engine);
}

} // namespace

void Draw::set(const Member& member, Eigen::MatrixXd value) {
    given_[key_of(member)] = std::move(value);
}

const Eigen::MatrixXd& Draw::matrix(const Member& member) {
    std::vector<std::int64_t> key = key_of(member);
    if (const auto given = given_.find(key); given != given_.end())
        return given->second;
    const auto found = matrices_.find(key);
    if (found != matrices_.end()) {
        recent_.splice(recent_.begin(), recent_, found->second.recent);
        return found->second.matrix;
    }
    const std::size_t columns = member.kind == ir::ParameterKind::input_matrix ? member.reads : width_;
    const std::size_t bytes = width_ * columns * sizeof(double);
    while (!recent_.empty() && held_ + bytes > budget_) {
        const auto last = matrices_.find(recent_.back());
        held_ -= static_cast<std::size_t>(last->second.matrix.size()) * sizeof(double);
        matrices_.erase(last);
        recent_.pop_back();
    }
    held_ += bytes;
    recent_.push_front(key);
    Entry& entry = matrices_[std::move(key)];
    entry.recent = recent_.begin();
    entry.matrix.resize(static_cast<Eigen::Index>(width_), static_cast<Eigen::Index>(columns));
    fill(entry.matrix.data(), width_ * columns, 0, std::sqrt(member.scale / static_cast<double>(columns)),
         mix(seed_, width_), member);
    return entry.matrix;
}

Eigen::VectorXd Draw::vector(const Member& member) const {
    if (const auto given = given_.find(key_of(member)); given != given_.end())
        return given->second;
    const std::size_t rows = member.kind == ir::ParameterKind::scalar ? 1 : width_;
    Eigen::VectorXd result(static_cast<Eigen::Index>(rows));
    fill(result.data(), rows, member.mean, std::sqrt(member.scale), mix(seed_, width_), member);
    return result;
}

} // namespace tpc::finite
