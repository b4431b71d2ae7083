// What has been written of a plan's numbers and entries, and what was read before.
#pragma once

#include "compiler/plan/address.hpp"
#include "compiler/verify/verify.hpp"

#include <map>
#include <set>

namespace tpc::plan {

// Who reads: an operation, or a statement's own numbers.
struct Reader {
    const PairOp* op = nullptr;
    std::size_t statement = 0;
    const std::int64_t* slots = nullptr;
};

// A read that finds nothing spoils what is written from it; that counts where an output comes from it. Equations hold on
// affine hulls of what is demanded (limit/derivation.hpp) and run at some instances that nobody asked for.
using Cause = std::uint32_t; // place in Report's list; 0: none

class Report {
  public:
    Report(const limit::Recursions& recursions, std::uint64_t most) : recursions_(recursions), most_(most) {}
    void start(std::string part) {
        part_ = std::move(part);
        left_ = most_;
    }
    void count() { left_ -= left_ > 0 ? 1 : 0; }
    [[nodiscard]] bool spent() const { return left_ == 0; }

    Cause spoilt = 0; // what has been read for what is written next
    void spoil(Cause cause) { spoilt = spoilt != 0 ? spoilt : cause; }
    Cause cause(std::optional<Fault> fault, std::string reader, std::string what);
    void set(Cause cause, Fault fault) { causes_[cause - 1].fault = fault; }
    // An output has it.
    void reach(Cause cause) {
        if (cause != 0)
            reached_.insert(cause);
    }
    // Whatever comes of it.
    void add(Fault fault, std::string reader, std::string what) { reach(cause(fault, std::move(reader), std::move(what))); }
    [[nodiscard]] std::vector<Finding> findings() const;

    [[nodiscard]] std::string name(const Reader& reader) const;
    [[nodiscard]] std::string name(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices, bool right = false) const;
    [[nodiscard]] std::string pair(const PairArray& array, llvm::ArrayRef<std::int64_t> left,
                                   llvm::ArrayRef<std::int64_t> right) const;

  private:
    struct Read {
        std::optional<Fault> fault; // nothing: none, unless it is written later
        std::string part, reader, what;
    };
    const limit::Recursions& recursions_;
    std::uint64_t most_, left_ = 0;
    std::string part_;
    std::vector<Read> causes_;
    std::set<Cause> reached_;
};

// Numbers by family and place in its box.
class Marks {
  public:
    void add(const Box& box) { there_.emplace_back(static_cast<std::size_t>(box.count())); }
    void write(std::uint32_t family, std::size_t place, Report& report);
    // `texts`: of the reader and of what it reads.
    template <class Texts> void read(std::uint32_t family, std::size_t place, const Texts& texts, Report& report) {
        if (const std::optional<Cause>& own = there_[family][place]) {
            report.spoil(*own);
            return;
        }
        const auto [found, fresh] = awaited_.try_emplace({family, place}, 0);
        if (fresh) {
            auto [reader, what] = texts();
            found->second = report.cause(Fault::missing, std::move(reader), std::move(what));
        }
        report.spoil(found->second);
    }

  private:
    std::vector<std::vector<std::optional<Cause>>> there_;
    std::map<std::pair<std::uint32_t, std::size_t>, Cause> awaited_;
};

// The entries of a part. In planes a place stands for several pairs of elements in turn.
class Entries {
  public:
    Entries(const Part& part, const SelfPlan& left, const SelfPlan& right, bool planes);
    struct Use {
        bool gaps = false, tangent = false;
        bool known = true; // both elements are assigned
    };
    void read(std::uint32_t array, llvm::ArrayRef<std::int64_t> left, llvm::ArrayRef<std::int64_t> right, Use use,
              const Reader& reader, Report& report);
    void write(std::uint32_t array, llvm::ArrayRef<std::int64_t> left, llvm::ArrayRef<std::int64_t> right, bool tangent,
               bool adds, const Reader& writer, Report& report);
    // All entries of the array are 0 again.
    void clear(std::uint32_t array);

  private:
    static constexpr std::int64_t nobody = -1;
    struct Entry {
        std::int64_t pair = nobody; // left place * right places + right place
        Cause spoilt = 0;
        bool tangent = false, read = false;
    };
    const Part& part_;
    const SelfPlan& left_;
    const SelfPlan& right_;
    bool planes_;
    std::vector<Entry> entries_;
    std::map<std::pair<std::uint32_t, std::int64_t>, Cause> awaited_;

    [[nodiscard]] std::optional<std::int64_t> pair_of(const PairArray& array, llvm::ArrayRef<std::int64_t> left,
                                                      llvm::ArrayRef<std::int64_t> right) const;
};

// The place in a box; nothing outside.
std::optional<std::size_t> place_in(const Box& box, llvm::ArrayRef<std::int64_t> indices);

} // namespace tpc::plan
