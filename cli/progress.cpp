#include "cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace tpc::cli {

Progress::Progress(const Session& session, std::function<std::string(double)> line) : line_(std::move(line)) {
    if (session.shows_progress())
        thread_ = std::thread([this] { run(); });
}

Progress::~Progress() {
    if (!thread_.joinable())
        return;
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    ended_.notify_one();
    thread_.join();
}

void Progress::run() {
    using namespace std::chrono_literals;
    const auto start = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    auto wait = 1000ms;
    bool shown = false;
    while (!ended_.wait_for(lock, wait, [&] { return over_; })) {
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        fmt::print(stderr, "\r{}\x1b[K", line_(elapsed.count()));
        std::fflush(stderr);
        shown = true;
        wait = 200ms;
    }
    if (shown) {
        fmt::print(stderr, "\r\x1b[K");
        std::fflush(stderr);
    }
}

std::string show_duration(double seconds) {
    if (!std::isfinite(seconds) || seconds > 1e10)
        return "an unknown time";
    const auto whole = static_cast<long long>(std::ceil(seconds));
    if (whole < 120)
        return fmt::format("{} s", whole);
    if (whole < 7200)
        return fmt::format("{} min {} s", whole / 60, whole % 60);
    if (whole < 48 * 3600)
        return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
    return fmt::format("{} days {} h", whole / 86400, whole / 3600 % 24);
}

std::string show_rate(const std::string& units, double done, double before, double total, double seconds) {
    const double rate = seconds > 0 ? (done - before) / seconds : 0;
    const std::string part = fmt::format("{:.0f} %", std::floor(100 * std::min(1.0, done / std::max(total, 1.0))));
    if (rate <= 0)
        return part;
    return fmt::format("{}, {:.3g} {}/s, {} left", part, rate, units, show_duration(std::max(0.0, total - done) / rate));
}

} // namespace tpc::cli
