// A line on standard error that says how far a long computation is.
#pragma once

#include "cli/session.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace tpc::cli {

// Shown after a second where Session::shows_progress, and gone at the end.
class Progress {
  public:
    // `line` is called by another thread, with the seconds since the start.
    Progress(const Session& session, std::function<std::string(double)> line);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

  private:
    std::function<std::string(double)> line_;
    std::mutex mutex_;
    std::condition_variable ended_;
    bool over_ = false;
    std::thread thread_; // none: nothing is shown

    void run();
};

// "37 %, 1.2e+06 pairs/s, 2 min 10 s left"; `before` of the `done` units had been done before.
std::string show_rate(const std::string& units, double done, double before, double total, double seconds);

// "2 h 5 min", "40 s"
std::string show_duration(double seconds);

} // namespace tpc::cli
