#include "cli/kernel_file.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

namespace tpc::cli {
namespace {

constexpr std::size_t stripe = 32; // rows that are gathered at once: a cache line of a transposed block serves several

void require(const io::Result<io::Done>& done) {
    if (!done)
        throw Failure{data_error, done.error().text};
}

std::size_t count_of(const std::vector<std::size_t>& shape) {
    return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
}

bool consecutive(const std::vector<std::size_t>& places) {
    return places.back() - places.front() + 1 == places.size(); // they ascend
}

void encode(double value, std::size_t size, char* to) {
    if (size == sizeof(double)) {
        std::memcpy(to, &value, sizeof value);
        return;
    }
    const auto single = static_cast<float>(value);
    std::memcpy(to, &single, sizeof single);
}

} // namespace

KernelLayout::KernelLayout(const network::Network& network, std::vector<Side> rows, std::vector<Side> columns, bool same,
                           const Request& request, io::Container container, io::Precision precision)
    : left(std::move(rows)), right(std::move(columns)), symmetric(same), archive(container, precision) {
    for (std::size_t o = 0; o < network.outputs.size(); ++o) {
        const std::string suffix =
            network.outputs[o].name.empty() || network.outputs.size() == 1 ? "" : "." + network.outputs[o].name;
        const auto add = [&](const char* kernel, bool ntk) {
            Member member{kernel + suffix, o, ntk, shape_of(left[o], right[o]), 0};
            member.at = archive.add(member.name, member.shape);
            members.push_back(std::move(member));
        };
        if (request.nngp)
            add("nngp", false);
        if (request.ntk)
            add("ntk", true);
    }
}

std::size_t KernelLayout::numbers_of_pair() const {
    std::size_t numbers = 0;
    for (const Member& member : members)
        numbers += left[member.output].indices() * right[member.output].indices();
    return numbers;
}

bool KernelLayout::has_gaps() const {
    return !std::ranges::all_of(left, &Side::full) || !std::ranges::all_of(right, &Side::full);
}

// Values [i * down + j * across] for rows and columns of a member; rows and columns ascend.
struct KernelFile::Matrix {
    const KernelLayout::Member& member;
    std::size_t width; // of a row of the member
    const execute::Entries& values;
    const Side::Places &rows, &columns;
    std::size_t down, across;
};

KernelFile::~KernelFile() {
    if (writing_.valid())
        writing_.wait();
}

void KernelFile::write(const Matrix& matrix) {
    const auto& [member, width, values, rows, columns, down, across] = matrix;
    if (rows.here.empty() || columns.here.empty())
        return;
    const std::size_t size = layout_.archive.bytes_of_number();
    const std::size_t first = columns.here.front(), span = columns.here.back() - first + 1;
    const bool dense = consecutive(columns.here);
    std::vector<char> buffer(stripe * span * size);
    for (std::size_t begin = 0; begin < rows.here.size(); begin += stripe) {
        const std::size_t count = std::min(stripe, rows.here.size() - begin);
        const auto offset = [&](std::size_t i) { return member.at + (rows.here[begin + i] * width + first) * size; };
        if (!dense) // what lies between stays as it is
            for (std::size_t i = 0; i < count; ++i)
                require(file_.read_at(offset(i), buffer.data() + i * span * size, span * size));
        const auto put = [&](std::size_t i, std::size_t j) {
            encode(values[rows.block[begin + i] * down + columns.block[j] * across], size,
                   buffer.data() + (i * span + columns.here[j] - first) * size);
        };
        if (across == 1) {
            for (std::size_t i = 0; i < count; ++i)
                for (std::size_t j = 0; j < columns.here.size(); ++j)
                    put(i, j);
        } else {
            for (std::size_t j = 0; j < columns.here.size(); ++j)
                for (std::size_t i = 0; i < count; ++i)
                    put(i, j);
        }
        if (span == width && rows.here[begin + count - 1] - rows.here[begin] + 1 == count) {
            require(file_.write_at(offset(0), buffer.data(), count * span * size));
            continue;
        }
        for (std::size_t i = 0; i < count; ++i)
            require(file_.write_at(offset(i), buffer.data() + i * span * size, span * size));
    }
}

void KernelFile::write(const Block& block) {
    const Cell& cell = block.cell;
    for (const KernelLayout::Member& member : layout_.members) {
        const Side &left = layout_.left[member.output], &right = layout_.right[member.output];
        const execute::Kernel& kernel = block.outputs[member.output];
        const execute::Entries& values = member.ntk ? kernel.ntk : kernel.nngp;
        // The samples of a side's group `g` among those of the block.
        const auto places = [](const Side& side, std::size_t g, const execute::Span& span) {
            return side.places(g, span, intersection(span, side.chosen_of(g)));
        };
        const Side::Places rows = places(left, cell.left_group, cell.left),
                           columns = places(right, cell.right_group, cell.right);
        write(Matrix{member, right.count(), values, rows, columns, columns.width, 1});
        if (!layout_.symmetric || cell.same())
            continue;
        const Side::Places below = places(left, cell.right_group, cell.right),
                           beside = places(right, cell.left_group, cell.left);
        write(Matrix{member, right.count(), values, below, beside, 1, below.width});
    }
}

void KernelFile::fill_gaps() {
    const std::size_t size = layout_.archive.bytes_of_number();
    const std::size_t most = std::size_t{1} << 17; // numbers at once
    std::vector<char> buffer(most * size);
    for (std::size_t k = 0; k < most; ++k)
        encode(std::numeric_limits<double>::quiet_NaN(), size, buffer.data() + k * size);
    for (const KernelLayout::Member& member : layout_.members)
        for (std::size_t done = 0, all = count_of(member.shape); done < all; done += most)
            require(file_.write_at(member.at + done * size, buffer.data(), std::min(most, all - done) * size));
}

void KernelFile::put(Block block, std::function<void()> written) {
    wait();
    writing_ = std::async(std::launch::async, [this, block = std::move(block), written = std::move(written)] {
        write(block);
        if (written)
            written();
    });
}

void KernelFile::wait() {
    if (writing_.valid())
        writing_.get();
}

void KernelFile::finish(const std::vector<std::pair<std::string, double>>& errors) {
    wait();
    for (const auto& [name, error] : errors) {
        char bytes[sizeof(double)];
        encode(error, layout_.archive.bytes_of_number(), bytes);
        require(file_.write_at(layout_.archive.add(name, {}), bytes, layout_.archive.bytes_of_number()));
    }
    require(layout_.archive.finish(file_));
    require(file_.commit());
}

} // namespace tpc::cli
