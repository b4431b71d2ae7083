// A file of lines that are each there as a whole or not at all, whenever the writer was killed.
#pragma once

#include "runtime/io/result.hpp"

#include <string>
#include <vector>

namespace tpc::io {

class Journal {
  public:
    // The lines of the file that are whole, up to the first that is not; none where there is no file. Errors: not readable.
    static Result<std::vector<std::string>> read(const std::string& path);
    // Begins anew with these lines, which the file holds from then on, as before or as now.
    static Result<Journal> begin(const std::string& path, const std::vector<std::string>& lines);

    Journal(Journal&& other) noexcept;
    Journal& operator=(Journal&&) = delete;
    ~Journal();

    // On the disk when this returns. Without line breaks.
    Result<Done> add(const std::string& line);
    void remove();

  private:
    Journal() = default;
    std::string path_;
    int descriptor_ = -1;
};

} // namespace tpc::io
