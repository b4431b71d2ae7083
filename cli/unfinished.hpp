// An unfinished kernel: the blocks that are in its file, and what it is the kernel of.
#pragma once

#include "cli/kernels.hpp"
#include "runtime/io/journal.hpp"

#include <string>
#include <vector>

namespace tpc::cli {

// What determines every byte of a kernel file, in parts that can be named where they differ.
struct Identity {
    nlohmann::ordered_json parts;
};
Identity identify(const Session& session, const Dataset& left, const Dataset* right,
                  const std::vector<std::string>& request);

// How far a kernel is.
struct Reached {
    std::size_t cells = 0;                                  // the first so many are in the file
    std::vector<execute::Options::Largest> largest, errors; // by output, of these
};

// The journal beside the unfinished file of `out`.
class Unfinished {
  public:
    // What is there; nothing where there is nothing. Throws Failure where it is another kernel's, unless that may be
    // replaced.
    static std::optional<Unfinished> find(const std::string& out, const Identity& identity, bool replace);
    Unfinished(std::string out, Identity identity, const Grid& grid);

    [[nodiscard]] const Grid& grid() const { return grid_; }
    Reached reached;

    // From here on what is noted is on the disk. Throw Failure.
    void open();
    void note(const Reached& now);
    void remove();

  private:
    std::string path_;
    Identity identity_;
    Grid grid_;
    std::optional<io::Journal> journal_;

    [[nodiscard]] nlohmann::ordered_json head() const;
};

} // namespace tpc::cli
