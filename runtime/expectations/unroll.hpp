// Vectors of a program at given sizes as functions of its Gaussian vectors: every read of a vector that is not Gaussian is
// replaced by its definition.
#pragma once

#include "compiler/network/network.hpp"
#include "compiler/plan/address.hpp"
#include "runtime/points/expectation.hpp"

#include <map>
#include <vector>

namespace tpc::execute {

struct GaussianElement {
    std::uint32_t family = 0;
    std::vector<std::int64_t> indices;
    auto operator<=>(const GaussianElement&) const = default;
};

// A number of one sample at one instance of the program's loops.
struct SampleNumber {
    ir::ExprId expression{};
    std::vector<std::int64_t> slots;
    auto operator<=>(const SampleNumber&) const = default;
};

// What a linear statement adds up, for one instance: an element, or a product of a parameter.
struct Summand {
    network::Base base = network::Base::read;
    std::uint32_t parameter = 0;
    std::vector<std::int64_t> member;
    bool transposed = false, of_input = false;
    GaussianElement element;
    auto operator<=>(const Summand&) const = default;
};
struct Combination {
    std::map<Summand, double> factors;
    double constant = 0;
};

// Gaussians of which none is a linear function of those before it.
class Basis {
  public:
    // Those of the basis by place, and a constant, that the combination is; nothing where it is independent of them, and
    // then it has become the next one.
    struct Function {
        std::map<std::size_t, double> factors;
        double constant = 0;
    };
    std::optional<Function> express(const Combination& combination);

  private:
    struct Row { // the sum of some members, without their constants, in which the pivots of earlier rows have no part
        Summand pivot;
        std::map<Summand, double> factors;
        std::map<std::size_t, double> members;
    };
    std::vector<Row> rows_;
    std::vector<double> constants_; // of the members
};

// Where each element of the vectors is assigned.
class Definitions {
  public:
    explicit Definitions(const plan::SelfPlan& plan);
    struct Place {
        std::size_t statement = 0;
        std::vector<std::int64_t> slots;
    };
    [[nodiscard]] const Place* find(std::uint32_t family, const std::vector<std::int64_t>& indices) const;
    // A Gaussian as a combination of others, or of products of matrices and vectors, that are not taken apart further.
    [[nodiscard]] Combination combination(const GaussianElement& element) const;
    [[nodiscard]] const plan::SelfPlan& plan() const { return *plan_; }

  private:
    const plan::SelfPlan* plan_;
    std::map<GaussianElement, Place> places_;
};

// Writes elements of one sample to a tape; the Gaussians and numbers it meets are numbered from those given on. Throws
// MethodError for what is no function of Gaussians or larger than a million operations.
class Unroller {
  public:
    Unroller(const Definitions& definitions, joint::Tape& tape, std::uint32_t first_gaussian, std::uint32_t first_number)
        : definitions_(definitions), plan_(definitions.plan()), tape_(tape), first_gaussian_(first_gaussian),
          first_number_(first_number) {}

    joint::NodeId element(std::uint32_t family, const std::vector<std::int64_t>& indices);

    // Numbers these first; others that are linear functions of them are written as such.
    void number(const std::vector<GaussianElement>& elements);

    std::vector<GaussianElement> gaussians;
    std::vector<SampleNumber> numbers;

  private:
    const Definitions& definitions_;
    const plan::SelfPlan& plan_;
    joint::Tape& tape_;
    std::uint32_t first_gaussian_, first_number_;
    std::map<GaussianElement, joint::NodeId> done_;
    Basis basis_;
    std::vector<joint::NodeId> basis_nodes_;
    bool numbered_ = false;

    joint::NodeId gaussian_or_function(const GaussianElement& key);
    joint::NodeId gaussian(const GaussianElement& key);
    using Slots = std::vector<std::int64_t>;
    joint::NodeId value(ir::ExprId e, Slots& slots);
    joint::NodeId scalar(ir::ExprId e, const Slots& slots);
    joint::NodeId read(const ir::Node& node, const Slots& slots);
    joint::NodeId reduce(const ir::Node& node, Slots& slots);
    void over(llvm::ArrayRef<ir::Range> ranges, Slots& slots, ir::ExprId e, std::vector<joint::NodeId>& terms);
    [[nodiscard]] std::int64_t index(const ir::Affine& affine, const Slots& slots) const;
};

} // namespace tpc::execute
