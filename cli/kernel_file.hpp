// The file of a kernel, written block by block, in any order, while the next block is computed.
#pragma once

#include "cli/kernels.hpp"
#include "runtime/io/archive.hpp"
#include "runtime/io/output_file.hpp"

#include <future>

namespace tpc::cli {

// Where the kernels of all outputs lie.
class KernelLayout {
  public:
    struct Member {
        std::string name;
        std::size_t output = 0;
        bool ntk = false;
        std::vector<std::size_t> shape;
        std::uint64_t at = 0; // of its first number
    };
    KernelLayout(const network::Network& network, std::vector<Side> left, std::vector<Side> right, bool symmetric,
                 const Request& request, io::Container container, io::Precision precision);

    const std::vector<Side> left, right; // by output
    const bool symmetric;
    std::vector<Member> members;
    io::Archive archive;
    // Of all members; of one pair of samples.
    [[nodiscard]] std::uint64_t bytes() const { return archive.size(); }
    [[nodiscard]] std::size_t numbers_of_pair() const;
    // Whether outputs that a sample does not have leave gaps.
    [[nodiscard]] bool has_gaps() const;
};

class KernelFile {
  public:
    // `written` is told when a block is in the file.
    KernelFile(io::OutputFile file, KernelLayout& layout) : layout_(layout), file_(std::move(file)) {}
    ~KernelFile();

    // Throw Failure.
    void fill_gaps();                                     // before the first block
    void put(Block block, std::function<void()> written); // returns before it is written; then `written` is called
    void wait();
    void finish(const std::vector<std::pair<std::string, double>>& errors);
    io::OutputFile& file() { return file_; }

  private:
    KernelLayout& layout_;
    io::OutputFile file_;
    std::future<void> writing_;

    struct Matrix;
    void write(const Block& block);
    void write(const Matrix& matrix);
};

} // namespace tpc::cli
