// Runs a target over a kept corpus, and over mutations of it for some seconds:
//   fuzz_front_end SECONDS SEED FILE-OR-FOLDER...
// What fails is left in fuzz-failure.
#include "tests/fuzz/targets.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

using namespace tpc;
using Clock = std::chrono::steady_clock;

namespace {

constexpr unsigned hang = 60;              // seconds; what takes longer fails
constexpr std::uintmax_t largest = 10'000; // bytes; larger files (the data of examples) would crowd out the others
std::string last;                          // of the run that fails

void fail(int signal) {
    if (const int file = ::open("fuzz-failure", O_WRONLY | O_CREAT | O_TRUNC, 0644); file >= 0) {
        [[maybe_unused]] const auto written = ::write(file, last.data(), last.size());
        ::close(file);
    }
    std::signal(signal, SIG_DFL);
    ::raise(signal);
}

void collect(const std::filesystem::path& path, std::vector<std::string>& corpus) {
    std::vector<std::filesystem::path> files{path};
    if (std::filesystem::is_directory(path)) {
        files.clear();
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
            if (entry.is_regular_file() && entry.file_size() < largest)
                files.push_back(entry.path());
        std::ranges::sort(files);
    }
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: %s SECONDS SEED FILE-OR-FOLDER...\n", argv[0]);
        return 64;
    }
    for (const int signal : {SIGABRT, SIGSEGV, SIGALRM, SIGFPE})
        std::signal(signal, fail);
    std::vector<std::string> corpus;
    for (int k = 3; k < argc; ++k)
        collect(argv[k], corpus);

    double slowest = 0;
    const auto run = [&](std::string text) {
        last = std::move(text);
        ::alarm(hang);
        const auto begin = Clock::now();
        fuzz::run(last);
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        slowest = std::max(slowest, seconds);
    };
    for (const std::string& text : corpus)
        run(text);
    const auto end = Clock::now() + std::chrono::duration<double>(std::strtod(argv[1], nullptr));
    const std::uint64_t seed = std::strtoull(argv[2], nullptr, 10);
    std::uint64_t mutations = 0;
    for (; Clock::now() < end; ++mutations)
        run(fuzz::mutated(corpus[mutations % corpus.size()], seed * 1'000'003 + mutations));
    std::printf("%zu of the corpus, %llu mutations, the slowest %.2f s\n", corpus.size(),
                static_cast<unsigned long long>(mutations), slowest);
    return 0;
}
