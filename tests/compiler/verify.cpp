// What verify finds in plans that have been tampered with: of what the compiler makes, the other tests hold that it is
// nothing.
#include "compiler/verify/verify.hpp"
#include "check_program.hpp"
#include "compiler/bind/build.hpp"
#include "compiler/plan/items.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

using namespace tpc;

namespace {

plan::Plan planned(const std::string& name) {
    std::ifstream file(std::string(TPC_SOURCE_DIR) + "/examples/" + name + ".tp");
    std::stringstream text;
    text << file.rdbuf();
    test::Checked checked = test::check_text(text.str());
    REQUIRE(checked.verdict.holds);
    const network::Network network = network::name_preactivations(checked.program, checked.verdict.terms);
    const ir::Sizes sizes = resolve::small_sizes(checked.program);
    auto plan = plan::build(network, sizes, sizes, true, checked.diagnostics);
    REQUIRE(plan);
    return std::move(*plan);
}

void drop(std::vector<plan::WalkItem>& items, std::uint32_t op) {
    for (plan::WalkItem& item : items) {
        std::erase(item.ops, op);
        drop(item.children, op);
    }
}

bool reads(const plan::Part& part, const plan::WalkItem& reader, const plan::WalkItem& writer) {
    const std::vector<std::uint32_t> writes = plan::operations(part, writer);
    for (const std::uint32_t k : plan::operations(part, reader))
        for (const plan::EntryRead* read : plan::reads_of(part.ops[k]))
            for (const std::uint32_t w : writes)
                if (part.ops[w].array == read->array)
                    return true;
    return false;
}

std::vector<plan::Part*> parts_of(plan::Plan& plan) {
    std::vector<plan::Part*> parts{&plan.cross};
    for (auto* part : {&plan.factored, &plan.planes})
        if (*part)
            parts.push_back(&**part);
    return parts;
}

} // namespace

TEST_CASE("a plan without one of its operations, or with its loops in another order, is found out") {
    for (const std::string name : {"mlp", "rnn_average", "gcn", "transformer", "cnn_pooled", "batchnorm_mlp", "gru"}) {
        INFO(name);
        plan::Plan whole = planned(name);
        CHECK(plan::verify(whole).empty());
        for (std::size_t p = 0; p < parts_of(whole).size(); ++p) {
            INFO("part " << p);
            const auto changed = [&](const auto& change) {
                plan::Plan plan = whole;
                change(*parts_of(plan)[p]);
                return !plan::verify(plan).empty();
            };
            const plan::Part part = *parts_of(whole)[p];
            for (std::uint32_t k = 0; k < part.ops.size(); ++k) {
                INFO("operation " << k);
                CHECK((part.ops[k].accumulates || changed([&](plan::Part& own) {
                           for (std::vector<plan::WalkItem>& items : own.right)
                               drop(items, k);
                       })));
                if (part.arrays[part.ops[k].array].value || part.ops[k].output)
                    continue;
                // what dual kernels and sums of gaps read
                const bool gaps = std::ranges::any_of(part.ops, [&](const plan::PairOp& op) {
                    return op.rule == limit::Rule::dual && op.entry.array == part.ops[k].array;
                });
                CHECK((!gaps || changed([&](plan::Part& own) { own.arrays[own.ops[k].array].value = true; })));
                CHECK(changed([&](plan::Part& own) { own.ops[k].tangent = false; }));
            }
            for (std::size_t a = 0; a < part.left.size(); ++a)
                for (std::size_t b = a + 1; b < part.left.size(); ++b) {
                    INFO("loops " << a << " and " << b);
                    if (reads(part, part.left[b], part.left[a]))
                        CHECK(changed([&](plan::Part& own) { std::swap(own.left[a], own.left[b]); }));
                }
        }
    }
}

TEST_CASE("a plan whose samples lack a number is found out") {
    for (const std::string name : {"layernorm_mlp", "rnn_average", "transformer"}) {
        INFO(name);
        const plan::Plan whole = planned(name);
        const std::size_t statements = whole.left.recursions.network.program.statements.size();
        bool any = false;
        for (std::size_t k = 0; k < statements; ++k) {
            plan::Plan plan = whole;
            plan.left.recursions.involved[k] = false;
            any = any || !plan::verify(plan).empty();
        }
        CHECK(any);
    }
}
