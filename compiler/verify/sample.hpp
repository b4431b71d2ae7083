// What is known of one sample while a plan runs without numbers (verify.hpp).
#pragma once

#include "compiler/verify/marks.hpp"

namespace tpc::plan {

// A vector as a function of Gaussians and of numbers of the sample.
struct ElementKey {
    std::uint32_t family = 0;
    std::vector<std::int64_t> indices;
    auto operator<=>(const ElementKey&) const = default;
};
struct Ingredients {
    std::set<ElementKey> gaussians;
    std::set<std::pair<ir::ExprId, std::vector<std::int64_t>>> numbers; // at these slots
};

class SampleCheck {
  public:
    explicit SampleCheck(const SelfPlan& plan);

    const SelfPlan& plan;
    Marks values; // scalars and finite vectors
    Marks means, seconds;
    Marks coefficients; // by array
    Entries entries;

    // A statement gives it a value that is not the constant 0.
    [[nodiscard]] bool assigned(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices) const;
    // Runs the self part.
    void run(Report& report);

    void read_second(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices, const Reader& reader, Report& report);
    void read_mean(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices, const Reader& reader, Report& report);
    void read_value(std::uint32_t family, llvm::ArrayRef<std::int64_t> indices, const Reader& reader, Report& report);
    // All that a scalar or finite expression is made of.
    void read_numbers(ir::ExprId e, std::int64_t* slots, const Reader& reader, Report& report);
    // The law of the Gaussians within this sample, and the numbers.
    void read_ingredients(const Ingredients& ingredients, const Reader& reader, Report& report);
    [[nodiscard]] Ingredients ingredients(const std::vector<ElementKey>& elements);

  private:
    std::vector<std::vector<bool>> assigned_;                                             // by family
    std::map<ElementKey, std::pair<std::size_t, std::vector<std::int64_t>>> definitions_; // statement, slots
    std::map<ElementKey, Ingredients> known_;

    [[nodiscard]] const ir::Program& program() const { return plan.recursions.network.program; }
    void define();
    [[nodiscard]] const Ingredients& of_element(const ElementKey& element);
    void add_ingredients(ir::ExprId e, std::vector<std::int64_t>& slots, Ingredients& result);
    friend class SelfCheck;
};

} // namespace tpc::plan
