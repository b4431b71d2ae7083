#include "compiler/ir/program.hpp"
#include "compiler/resolve/elements_walk.hpp"

#include <catch2/catch.hpp>

#include <chrono>

using namespace tpc;
using namespace tpc::ir;

namespace {

// Programs of one family x over input xi : R[T, d], built by hand; spans count the places.
struct Build {
    Program p;
    Symbol T = p.fresh("T", true);
    Symbol d = p.fresh("d", true);
    std::uint32_t places = 0;

    Build() {
        p.inputs.push_back({"xi", {Affine::of(T), Affine::of(d)}, next()});
        p.families.push_back({"x", Type::vector, 1, next(), 0});
        p.outputs.push_back({"", {}, p.exprs.number(0), next()});
    }
    source::Span next() {
        ++places;
        return {0, places, places + 1};
    }
    ExprId node(Op op, std::vector<Affine> indices, IndexMode mode = IndexMode::none, std::uint32_t target = 0) {
        Node n;
        n.op = op;
        n.type = op == Op::input_row ? Type::finite : Type::vector;
        n.target = target;
        n.access.indices.assign(indices.begin(), indices.end());
        n.access.mode = mode;
        n.span = next();
        return p.exprs.add(n);
    }
    ExprId read(std::vector<Affine> indices, IndexMode mode = IndexMode::none) { return node(Op::read, indices, mode); }
    ExprId sum(Range range, ExprId value, Reduction reduction = Reduction::sum) {
        Node n;
        n.op = Op::reduce;
        n.reduction = reduction;
        n.ranges.push_back(range);
        n.children.push_back(value);
        n.span = next();
        return p.exprs.add(n);
    }
    // One statement in loops of its own.
    void assign(std::vector<Affine> indices, ExprId value, std::vector<Range> ranges = {},
                std::vector<Condition> conditions = {}) {
        p.families[0].rank = static_cast<unsigned>(indices.size());
        p.statements.push_back({0, indices, value, {ranges, conditions}, next(), next()});
        Item item{static_cast<std::uint32_t>(p.statements.size() - 1)};
        for (std::size_t k = ranges.size(); k-- > 0;)
            item = Item{Loop{ranges[k], {item}}};
        p.body.push_back(item);
    }
    [[nodiscard]] std::vector<std::string> messages(std::int64_t size = 4, std::uint64_t budget = 1'000'000) const {
        source::Diagnostics diagnostics;
        resolve::elements::verify(p, {{T, size}, {d, 3}}, diagnostics, budget);
        std::vector<std::string> texts;
        for (const auto& diagnostic : diagnostics.list)
            texts.push_back(diagnostic.text);
        return texts;
    }
    ExprId zero() { return p.exprs.number(0); }
    Affine size() const { return Affine::of(T); }
};

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("a recurrence is in order, and out of order when it is run backwards") {
    Build b;
    const Symbol t = b.p.fresh("t", false);
    b.assign({Affine(0)}, b.zero());
    b.assign({Affine::of(t)}, b.read({Affine::of(t) - 1}), {{t, 1, b.size()}});
    b.p.outputs[0].value = b.read({b.size()});
    CHECK(b.messages().empty());
    CHECK(b.messages(0).empty());

    Build backwards;
    const Symbol s = backwards.p.fresh("s", false);
    backwards.assign({Affine(0)}, backwards.zero());
    backwards.assign({Affine::of(s)}, backwards.read({Affine::of(s) + 1}), {{s, 1, backwards.size() - 1}});
    backwards.assign({backwards.size()}, backwards.zero());
    CHECK(backwards.messages() == Texts{"reading x[2] before it is assigned: statements run in order"});
}

TEST_CASE("reads outside say where the family is defined and how to mend it") {
    Build b;
    const Symbol l = b.p.fresh("l", false);
    b.assign({Affine::of(l)}, b.node(Op::read, {Affine::of(l) - 1}), {{l, 1, 3}});
    source::Diagnostics diagnostics;
    resolve::verify_elements(b.p, {{b.T, 4}, {b.d, 3}}, diagnostics);
    REQUIRE(diagnostics.list.size() == 1); // once, though x[1] and x[2] are read at the same place
    CHECK(diagnostics.list[0].text == "reading x[0]: the family x is defined for 1..3 only");
    REQUIRE(diagnostics.list[0].notes.size() == 2);
    CHECK(diagnostics.list[0].notes[0].text == "with l = 1");
    CHECK(diagnostics.list[0].notes[1].text == "x[1] is the first element; start the loop at 2 or define x[0]");
}

TEST_CASE("assigned twice, with the first place") {
    Build b;
    const Symbol t = b.p.fresh("t", false);
    b.assign({Affine::of(t)}, b.zero(), {{t, 1, b.size()}});
    b.assign({b.size()}, b.zero());
    source::Diagnostics diagnostics;
    resolve::verify_elements(b.p, {{b.T, 4}, {b.d, 3}}, diagnostics);
    REQUIRE(diagnostics.list.size() == 1);
    CHECK(diagnostics.list[0].text == "x[4] is assigned twice: every element is assigned once");
    CHECK(diagnostics.list[0].span == b.p.statements[1].target_span);
    CHECK(diagnostics.list[0].notes.back().span == b.p.statements[0].target_span);
}

TEST_CASE("gaps along one index; triangles have none; implicit indices may") {
    Build gap;
    const Symbol i = gap.p.fresh("i", false);
    const Symbol j = gap.p.fresh("j", false);
    gap.assign({Affine::of(i), Affine::of(j)}, gap.zero(), {{i, 1, 3}, {j, 1, 3}},
               {{Affine::of(i) - Affine::of(j), Relation::non_zero}});
    CHECK(gap.messages() == Texts{"the family x has a gap: x[2,2] is missing between x[1,2] and x[3,2]; "
                                  "define it, or number the elements without gaps"});
    gap.p.families[0].implicit = 2;
    CHECK(gap.messages().empty());

    Build triangle;
    const Symbol k = triangle.p.fresh("k", false);
    const Symbol m = triangle.p.fresh("m", false);
    triangle.assign({Affine::of(k), Affine::of(m)}, triangle.zero(), {{k, 1, 4}, {m, 1, Affine::of(k)}});
    CHECK(triangle.messages().empty());
    triangle.p.outputs[0].value = triangle.read({Affine(2), Affine(3)});
    CHECK(triangle.messages() == Texts{"reading x[2,3], which is never assigned"});
}

TEST_CASE("index modes reach what lies outside, but not what is unassigned") {
    for (const IndexMode mode : {IndexMode::zero, IndexMode::wrap, IndexMode::clamp, IndexMode::none}) {
        Build b;
        const Symbol i = b.p.fresh("i", false);
        const Symbol a = b.p.fresh("a", false);
        b.assign({Affine::of(i)}, b.zero(), {{i, 1, b.size()}});
        b.p.outputs[0].value = b.sum({a, -1, 1}, b.read({b.size() + Affine::of(a)}, mode));
        CHECK(b.messages().size() == (mode == IndexMode::none ? 1 : 0));
    }
    Build early; // x[t-1] wraps to x[4], which does not exist yet
    const Symbol t = early.p.fresh("t", false);
    early.assign({Affine::of(t)}, early.read({Affine::of(t) - 1}, IndexMode::wrap), {{t, 1, early.size()}});
    CHECK(early.messages() == Texts{"reading x[4] before it is assigned: statements run in order"});

    Build never;
    never.assign({Affine(1)}, never.node(Op::input_row, {never.size() + 2}, IndexMode::zero));
    CHECK(never.messages() == Texts{"the index T+2 of xi is outside 1..4 in every iteration: "
                                    "this access never reads what it names"});
}

TEST_CASE("inputs and parameters are read within their declarations") {
    Build b;
    b.assign({Affine(1)}, b.node(Op::input_row, {Affine(5)}));
    CHECK(b.messages(4) == Texts{"reading xi[5]: the input xi is defined for 1..4 only"});
    CHECK(b.messages(5).empty());

    // matrix M[l in 2..4, k in 1..l-1]
    const Symbol l = b.p.fresh("l", false);
    const Symbol k = b.p.fresh("k", false);
    const ExprId one = b.p.exprs.number(1);
    b.p.parameters.push_back(
        {"M", ParameterKind::vector, {{l, 2, 4}, {k, 1, Affine::of(l) - 1}}, b.zero(), one, one, std::nullopt, b.next()});
    b.p.outputs[0].value = b.p.exprs.apply(
        Function::add, {b.node(Op::parameter, {Affine(4), Affine(3)}), b.node(Op::parameter, {Affine(3), Affine(3)})});
    CHECK(b.messages(5) == Texts{"reading M[3,3]: the family M is defined for 2..4, 1..3 only"});
}

TEST_CASE("variances, divisions and empty sets") {
    Build b;
    const Symbol l = b.p.fresh("l", false);
    Node index;
    index.op = Op::affine;
    index.affine = 2 - Affine::of(l);
    const ExprId one = b.p.exprs.number(1);
    b.p.parameters.push_back(
        {"c", ParameterKind::vector, {{l, 1, 3}}, b.zero(), b.p.exprs.add(index), one, std::nullopt, b.next()});
    CHECK(b.messages() == Texts{"the variance of c[3] is negative: it must be a number not below 0"});

    Build half;
    const Symbol t = half.p.fresh("t", false);
    half.assign({Affine::of(t)}, half.zero(), {{t, 1, divide(half.size(), 2)}});
    CHECK(half.messages(4).empty());
    CHECK(half.messages(5) == Texts{"T/2 is not an integer here: a division must be exact"});
    CHECK(resolve::small_sizes(half.p).at(half.T) == 4);

    Build empty;
    const Symbol i = empty.p.fresh("i", false);
    empty.assign({Affine(1)}, empty.sum({i, 2, empty.size()}, empty.node(Op::input_row, {Affine::of(i)}), Reduction::mean));
    CHECK(empty.messages(2).empty());
    CHECK(empty.messages(1) == Texts{"mean over an empty set has no value: only sum and prod have one"});
}

TEST_CASE("extents are boxes around what is assigned") {
    Build b;
    const Symbol i = b.p.fresh("i", false);
    b.assign({Affine::of(i), 2 - Affine::of(i)}, b.zero(), {{i, -1, b.size()}});
    const auto boxes = resolve::extents(b.p, {{b.T, 4}, {b.d, 3}});
    CHECK(boxes[0].lower == std::vector<std::int64_t>{-1, -2});
    CHECK(boxes[0].upper == std::vector<std::int64_t>{4, 3});
    CHECK(resolve::extents(b.p, {{b.T, -2}, {b.d, 3}})[0].empty());
}

TEST_CASE("what cannot be walked through is refused, not tried for ever") {
    Build b;
    const Symbol i = b.p.fresh("i", false);
    const Symbol j = b.p.fresh("j", false);
    b.assign({Affine::of(i), Affine::of(j)}, b.zero(), {{i, 1, b.size()}, {j, 1, b.size()}});
    CHECK(b.messages(100'000).at(0).find("too large") != std::string::npos);

    Build far;
    far.assign({Affine(1)}, far.zero());
    far.assign({Affine(std::int64_t{1} << 62)}, far.zero());
    CHECK(far.messages().at(0).find("too far apart") != std::string::npos);
}

TEST_CASE("sizes for a check leave room for constant indices") {
    Build b;
    b.assign({Affine(1)}, b.node(Op::input_row, {Affine(7)}));
    CHECK(resolve::small_sizes(b.p).at(b.T) == 7);
    b.p.sizes[b.T] = 9;
    CHECK(resolve::small_sizes(b.p).at(b.T) == 9);
}

TEST_CASE("sizes for a check show turns in the wrong order") {
    // x[T+1] = 0; for t in 1..T { x[t] = x[t+1] }, right for one turn only
    Build b;
    const Symbol t = b.p.fresh("t", false);
    b.assign({b.size() + 1}, b.zero());
    b.assign({Affine::of(t)}, b.read({Affine::of(t) + 1}), {{t, 1, b.size()}});
    CHECK(b.messages(1).empty());
    CHECK(resolve::small_sizes(b.p).at(b.T) == 4);
}

TEST_CASE("a convolutional network of 30 layers over 32x32 positions is walked in moments") {
    Build b;
    const Symbol l = b.p.fresh("l", false);
    const Symbol i = b.p.fresh("i", false);
    const Symbol j = b.p.fresh("j", false);
    const Symbol a = b.p.fresh("a", false);
    const Symbol c = b.p.fresh("c", false);
    const Affine I = Affine::of(i);
    const Affine J = Affine::of(j);
    b.assign({Affine(1), I, J}, b.zero(), {{i, 1, b.size()}, {j, 1, b.size()}});
    b.assign({Affine::of(l), I, J},
             b.sum({a, -1, 1},
                   b.sum({c, -1, 1}, b.read({Affine::of(l) - 1, I + Affine::of(a), J + Affine::of(c)}, IndexMode::zero))),
             {{l, 2, 30}, {i, 1, b.size()}, {j, 1, b.size()}});
    const auto start = std::chrono::steady_clock::now();
    CHECK(b.messages(32, 10'000'000).empty());
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}
