#include "compiler/verify/marks.hpp"

#include <fmt/ranges.h>

namespace tpc::plan {

namespace {

std::string phrase(Fault fault, const std::string& what) {
    switch (fault) {
    case Fault::early:
        return fmt::format("reads {} before it is written", what);
    case Fault::missing:
        return fmt::format("reads {}, which nothing writes", what);
    case Fault::replaced:
        return fmt::format("reads {} where another entry stands", what);
    case Fault::values:
        return fmt::format("reads the gaps of {}, which has none", what);
    case Fault::slopes:
        return fmt::format("reads T of {}, which is not written", what);
    case Fault::outside:
        return fmt::format("reads or writes {}, which is not stored", what);
    case Fault::twice:
        return fmt::format("writes {} where something stands that counts", what);
    case Fault::unmade:
        return fmt::format("leaves out {}", what);
    }
    return what;
}

std::string without_numbers(std::string text) {
    std::erase_if(text, [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
    return text;
}

} // namespace

std::optional<std::size_t> place_in(const Box& box, llvm::ArrayRef<std::int64_t> indices) {
    for (std::size_t d = 0; d < indices.size(); ++d)
        if (indices[d] < box.lower[d] || indices[d] >= box.lower[d] + box.size[d])
            return std::nullopt;
    return offset_in(box, indices);
}

Cause Report::cause(std::optional<Fault> fault, std::string reader, std::string what) {
    causes_.push_back({fault, part_, std::move(reader), std::move(what)});
    return static_cast<Cause>(causes_.size());
}

std::vector<Finding> Report::findings() const {
    std::vector<Finding> result;
    std::set<std::string> seen; // texts without their indices
    for (const Cause cause : reached_) {
        const Read& read = causes_[cause - 1];
        if (!read.fault)
            continue;
        std::string text = fmt::format("{}: {} {}", read.part, read.reader, phrase(*read.fault, read.what));
        if (seen.insert(without_numbers(text)).second)
            result.push_back({*read.fault, std::move(text)});
    }
    return result;
}

std::string Report::name(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices, bool right) const {
    const ir::Program& program = recursions_.network.program;
    const std::size_t outputs = recursions_.network.outputs.size();
    std::string text = family < program.families.size() ? program.families[family].name
                       : family < program.families.size() + outputs
                           ? "output " + recursions_.network.outputs[family - program.families.size()].name
                           : "finite vectors";
    if (right)
        text += "_";
    if (!indices.empty())
        text += fmt::format("[{}]", fmt::join(indices.begin(), indices.end(), ", "));
    return text;
}

std::string Report::pair(const PairArray& array, llvm::ArrayRef<std::int64_t> left,
                         llvm::ArrayRef<std::int64_t> right) const {
    return fmt::format("{}({}, {})", array.sums ? "S" : "C", name(array.left, left), name(array.right, right, true));
}

std::string Report::name(const Reader& reader) const {
    const ir::Program& program = recursions_.network.program;
    const auto family = [&](std::size_t unit) {
        const std::size_t statements = program.statements.size();
        return unit < statements ? program.statements[unit].family
                                 : static_cast<std::uint32_t>(program.families.size() + unit - statements);
    };
    const auto at = [&](const std::vector<Linear>& target) {
        Indices indices;
        for (const Linear& index : target)
            indices.push_back(index(reader.slots));
        return indices;
    };
    if (reader.op == nullptr)
        return fmt::format("what belongs to {}", name(family(reader.statement), {}));
    return fmt::format("C({}, {})", name(family(reader.op->left_statement), at(reader.op->left_target)),
                       name(family(reader.op->right_statement), at(reader.op->right_target), true));
}

void Marks::write(std::uint32_t family, std::size_t place, Report& report) {
    there_[family][place] = report.spoilt;
    if (awaited_.empty())
        return;
    if (const auto found = awaited_.find({family, place}); found != awaited_.end())
        report.set(found->second, Fault::early);
}

Entries::Entries(const Part& part, const SelfPlan& left, const SelfPlan& right, bool planes)
    : part_(part), left_(left), right_(right), planes_(planes), entries_(part.entries) {}

std::optional<std::int64_t> Entries::pair_of(const PairArray& array, llvm::ArrayRef<std::int64_t> left,
                                             llvm::ArrayRef<std::int64_t> right) const {
    if (!holds(array, left, right))
        return std::nullopt;
    const auto l = place_in(left_.box_of(array.left), left), r = place_in(right_.box_of(array.right), right);
    if (!l || !r)
        return std::nullopt;
    return static_cast<std::int64_t>(*l) * right_.box_of(array.right).count() + static_cast<std::int64_t>(*r);
}

void Entries::read(std::uint32_t index, llvm::ArrayRef<std::int64_t> left, llvm::ArrayRef<std::int64_t> right, Use use,
                   const Reader& reader, Report& report) {
    const PairArray& array = part_.arrays[index];
    const auto cause = [&](std::optional<Fault> fault) {
        return report.cause(fault, report.name(reader), report.pair(array, left, right));
    };
    report.count();
    const auto pair = pair_of(array, left, right);
    if (!pair)
        return report.spoil(cause(Fault::outside));
    Entry& entry = entries_[entry_offset(array, left, right)];
    if (entry.pair == nobody) {
        if (!use.known)
            return;
        const auto [found, fresh] = awaited_.try_emplace({index, *pair}, 0);
        if (fresh) // a sum that nothing is added to is 0
            found->second = cause(array.accumulated ? std::nullopt : std::optional(Fault::missing));
        return report.spoil(found->second);
    }
    if (entry.pair != *pair)
        return report.spoil(cause(Fault::replaced));
    entry.read = true;
    report.spoil(entry.spoilt);
    if (use.gaps && array.value)
        report.spoil(cause(Fault::values));
    if (use.tangent && !entry.tangent)
        report.spoil(cause(Fault::slopes));
}

void Entries::write(std::uint32_t index, llvm::ArrayRef<std::int64_t> left, llvm::ArrayRef<std::int64_t> right, bool tangent,
                    bool adds, const Reader& writer, Report& report) {
    const PairArray& array = part_.arrays[index];
    const auto add = [&](Fault fault) { report.add(fault, report.name(writer), report.pair(array, left, right)); };
    const auto pair = pair_of(array, left, right);
    if (!pair)
        return add(Fault::outside);
    Entry& entry = entries_[entry_offset(array, left, right)];
    const bool empty = entry.pair == nobody, same = entry.pair == *pair;
    if (!empty && (same ? !adds || entry.read : adds || !planes_))
        add(Fault::twice);
    if (adds && !array.accumulated)
        add(Fault::missing);
    entry = {*pair, adds && same && entry.spoilt != 0 ? entry.spoilt : report.spoilt, tangent, false};
    if (awaited_.empty())
        return;
    if (const auto found = awaited_.find({index, *pair}); found != awaited_.end())
        report.set(found->second, Fault::early);
}

void Entries::clear(std::uint32_t index) {
    const PairArray& array = part_.arrays[index];
    std::fill_n(entries_.begin() + static_cast<std::ptrdiff_t>(array.offset), array.box.count(), Entry{});
}

} // namespace tpc::plan
