#include "compiler/resolve/members.hpp"

#include "compiler/resolve/integers.hpp"

namespace tpc::resolve {
namespace {

// The least value over the turns of the loops around, where numbers bound them and there are any.
std::optional<std::int64_t> least(const Context& context, Affine value) {
    if (context.dead > 0 || !context.domain.conditions.empty()) {
        return std::nullopt;
    }
    for (const auto& range : context.domain.ranges) {
        if (!range.lower.is_constant() || !range.upper.is_constant() || range.upper.constant < range.lower.constant) {
            return std::nullopt;
        }
        const auto& end = value.coefficient(range.index) > 0 ? range.lower : range.upper;
        value = ir::substitute(value, [&](ir::Symbol s) { return s == range.index ? std::optional(end) : std::nullopt; });
    }
    return value.is_constant() && value.denominator == 1 ? std::optional(value.constant) : std::nullopt;
}

// "r[2,4]"; what depends on loops stays open.
std::string member(const std::string& name, llvm::ArrayRef<Affine> indices, std::size_t at, std::int64_t value) {
    std::string text;
    for (std::size_t k = 0; k < indices.size(); ++k) {
        text += k == 0 ? "" : ",";
        text += k == at ? std::to_string(value) : indices[k].is_constant() ? std::to_string(indices[k].constant) : "...";
    }
    return fmt::format("{}[{}]", name, text);
}

} // namespace

bool bind_members(Context& context, Scope* scope, const ast::Use& use, llvm::ArrayRef<Affine> indices, Span place) {
    for (std::size_t k = 0; k < indices.size(); ++k) {
        const auto lower = integer(context, scope, use.family[k].lower),
                   upper = integer(context, scope, use.family[k].upper);
        if (lower && upper && lower->is_constant() && upper->is_constant()) {
            const auto above_first = least(context, indices[k] - *lower), below_last = least(context, *upper - indices[k]);
            const bool before = above_first && *above_first < 0, behind = below_last && *below_last < 0;
            if (before || behind) {
                const auto wrong = before ? lower->constant + *above_first : upper->constant - *below_last;
                const std::string& name = use.alias.text;
                context
                    .report(Id::element_outside, place, member(name, indices, k, wrong), "the family " + name,
                            fmt::format("{}..{} only", lower->constant, upper->constant))
                    .note(use.alias.span, fmt::format("{} is declared here", name));
                return false;
            }
        }
        Binding index;
        index.kind = Kind::index;
        index.value.shape = Shape::scalar;
        index.value.integer = indices[k];
        scope->names.emplace(use.family[k].index.text, std::move(index));
    }
    return true;
}

} // namespace tpc::resolve
