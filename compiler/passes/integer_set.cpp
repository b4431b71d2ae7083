#include "compiler/passes/integer_set.hpp"

#include <isl/aff.h>
#include <isl/constraint.h>
#include <isl/ctx.h>
#include <isl/ilp.h>
#include <isl/map.h>
#include <isl/mat.h>
#include <isl/options.h>
#include <isl/set.h>
#include <isl/space.h>
#include <isl/val.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace tpc::passes {
namespace {

constexpr unsigned long operation_limit = 50'000'000; // a few seconds

[[noreturn]] void fail() {
    throw IntegerSetError("the integer analysis of index sets did not finish");
}

template <class T> T* checked(T* object) {
    if (object == nullptr)
        fail();
    return object;
}

bool checked(isl_bool value) {
    if (value == isl_bool_error)
        fail();
    return value == isl_bool_true;
}

std::string take(char* text) {
    std::string result = checked(text);
    std::free(text); // NOLINT: isl allocates with malloc
    return result;
}

} // namespace

Set::Set(std::shared_ptr<isl_ctx> context, isl_set* owned) : context_(std::move(context)), set_(checked(owned)) {}
Set::Set(const Set& other) : context_(other.context_), set_(other.set_ ? isl_set_copy(other.set_) : nullptr) {}
Set::Set(Set&& other) noexcept : context_(std::move(other.context_)), set_(std::exchange(other.set_, nullptr)) {}
Set& Set::operator=(Set other) noexcept {
    std::swap(context_, other.context_);
    std::swap(set_, other.set_);
    return *this;
}
Set::~Set() {
    isl_set_free(set_);
}

isl_set* Set::copy() const {
    return isl_set_copy(checked(set_));
}
bool Set::empty() const {
    return set_ == nullptr || checked(isl_set_is_empty(set_));
}
bool Set::subset_of(const Set& other) const {
    return checked(isl_set_is_subset(set_, other.set_));
}
bool Set::same_text(const Set& other) const {
    return checked(isl_set_plain_is_equal(set_, other.set_));
}
Set Set::swapped(unsigned first) const {
    isl_map* split = isl_map_move_dims(isl_map_from_range(copy()), isl_dim_in, 0, isl_dim_out, 0, first);
    return {context_, isl_set_flatten(isl_map_wrap(isl_map_reverse(split)))};
}
Set Set::affine_hull() const {
    return {context_, isl_set_from_basic_set(checked(isl_set_affine_hull(copy())))};
}
std::string Set::text() const {
    return take(isl_set_to_str(set_));
}

namespace {
isl_set* only(isl_set* set, unsigned dimension) {
    const auto count = static_cast<unsigned>(isl_set_dim(set, isl_dim_set));
    set = isl_set_project_out(set, isl_dim_set, dimension + 1, count - dimension - 1);
    return isl_set_project_out(set, isl_dim_set, 0, dimension);
}
} // namespace

Set Set::least(unsigned dimension) const {
    return {context_, isl_set_lexmin(only(copy(), dimension))};
}
Set Set::greatest(unsigned dimension) const {
    return {context_, isl_set_lexmax(only(copy(), dimension))};
}

Set::Bounds Set::bounds(unsigned dimension) const {
    if (empty())
        return {};
    const auto read = [](isl_val* value) {
        checked(value);
        if (!checked(isl_val_is_int(value))) {
            isl_val_free(value);
            fail();
        }
        const long number = isl_val_get_num_si(value);
        isl_val_free(value);
        return static_cast<std::int64_t>(number);
    };
    return {read(isl_set_dim_min_val(copy(), static_cast<int>(dimension))),
            read(isl_set_dim_max_val(copy(), static_cast<int>(dimension)))};
}

std::optional<std::int64_t> Set::fixed(unsigned dimension) const {
    isl_val* value = checked(isl_set_plain_get_val_if_fixed(set_, isl_dim_set, dimension));
    std::optional<std::int64_t> result;
    if (checked(isl_val_is_int(value)))
        result = isl_val_get_num_si(value);
    isl_val_free(value);
    return result;
}

Set operator&(const Set& a, const Set& b) {
    return {a.context(), isl_set_intersect(a.copy(), b.copy())};
}
Set operator|(const Set& a, const Set& b) {
    return {a.context(), isl_set_coalesce(isl_set_union(a.copy(), b.copy()))};
}
Set product(const Set& a, const Set& b) {
    return {a.context(), isl_set_flat_product(a.copy(), b.copy())};
}

Map::Map(std::shared_ptr<isl_ctx> context, isl_map* owned) : context_(std::move(context)), map_(checked(owned)) {}
Map::Map(const Map& other) : context_(other.context_), map_(other.map_ ? isl_map_copy(other.map_) : nullptr) {}
Map::Map(Map&& other) noexcept : context_(std::move(other.context_)), map_(std::exchange(other.map_, nullptr)) {}
Map& Map::operator=(Map other) noexcept {
    std::swap(context_, other.context_);
    std::swap(map_, other.map_);
    return *this;
}
Map::~Map() {
    isl_map_free(map_);
}

isl_map* Map::copy() const {
    return isl_map_copy(checked(map_));
}
bool Map::empty() const {
    return map_ == nullptr || checked(isl_map_is_empty(map_));
}
bool Map::subset_of(const Map& other) const {
    return checked(isl_map_is_subset(map_, other.map_));
}
Map Map::reverse() const {
    return {context_, isl_map_reverse(copy())};
}
Set Map::image(const Set& set) const {
    return {context_, isl_set_apply(set.copy(), copy())};
}
Set Map::domain() const {
    return {context_, isl_map_domain(copy())};
}
Map Map::simple_hull() const {
    return {context_, isl_map_from_basic_map(checked(isl_map_simple_hull(copy())))};
}
std::string Map::text() const {
    return take(isl_map_to_str(map_));
}

Map operator|(const Map& a, const Map& b) {
    return {a.context(), isl_map_coalesce(isl_map_union(a.copy(), b.copy()))};
}
// By halves: maps that join into few stay few on the way.
Map united(llvm::ArrayRef<Map> maps) {
    if (maps.size() == 1)
        return maps.front();
    return united(maps.take_front(maps.size() / 2)) | united(maps.drop_front(maps.size() / 2));
}
Map then(const Map& first, const Map& second) {
    return {first.context(), isl_map_apply_range(first.copy(), second.copy())};
}
Map product(const Map& a, const Map& b) {
    return {a.context(), isl_map_flat_product(a.copy(), b.copy())};
}
Set wrapped(const Map& map) {
    return {map.context(), isl_set_flatten(isl_map_wrap(map.copy()))};
}

Map identity(const Set& set) {
    return {set.context(), isl_set_identity(set.copy())};
}

Map widen(const Map& a, const Map& b) {
    isl_basic_map* hull = checked(isl_map_simple_hull(a.copy()));
    isl_basic_map* kept = isl_basic_map_universe(isl_basic_map_get_space(hull));
    isl_constraint_list* constraints = isl_basic_map_get_constraint_list(hull);
    const int count = isl_constraint_list_size(constraints);
    for (int k = 0; k < count; ++k) {
        isl_basic_map* one = isl_basic_map_add_constraint(isl_basic_map_universe(isl_basic_map_get_space(hull)),
                                                          isl_constraint_list_get_constraint(constraints, k));
        isl_map* as_map = isl_map_from_basic_map(isl_basic_map_copy(one));
        isl_map* other = b.copy();
        const isl_bool holds = isl_map_is_subset(other, as_map);
        isl_map_free(other);
        isl_map_free(as_map);
        if (holds == isl_bool_true)
            kept = isl_basic_map_intersect(kept, one);
        else
            isl_basic_map_free(one);
    }
    isl_constraint_list_free(constraints);
    isl_basic_map_free(hull);
    return {a.context(), isl_map_from_basic_map(kept)};
}

std::vector<Equality> equalities(const Set& set, const std::vector<std::string>& parameter_names) {
    isl_basic_set* hull = isl_basic_set_remove_redundancies(isl_set_affine_hull(set.copy()));
    hull = isl_basic_set_remove_divs(checked(hull));
    isl_constraint_list* constraints = isl_basic_set_get_constraint_list(hull);
    const auto number = [](isl_val* value) {
        const long result = isl_val_get_num_si(checked(value));
        isl_val_free(value);
        return static_cast<std::int64_t>(result);
    };
    std::vector<Equality> result;
    const int count = isl_constraint_list_size(constraints);
    for (int k = 0; k < count; ++k) {
        isl_constraint* constraint = isl_constraint_list_get_constraint(constraints, k);
        if (isl_constraint_is_equality(constraint) == isl_bool_true) {
            Equality equality;
            const int dimensions = isl_constraint_dim(constraint, isl_dim_set);
            for (int d = 0; d < dimensions; ++d)
                equality.coefficients.push_back(number(isl_constraint_get_coefficient_val(constraint, isl_dim_set, d)));
            equality.parameters.assign(parameter_names.size(), 0);
            const int parameters = isl_constraint_dim(constraint, isl_dim_param);
            for (int d = 0; d < parameters; ++d) {
                const std::string name = isl_constraint_get_dim_name(constraint, isl_dim_param, static_cast<unsigned>(d));
                const auto found = std::find(parameter_names.begin(), parameter_names.end(), name);
                if (found != parameter_names.end())
                    equality.parameters[static_cast<std::size_t>(found - parameter_names.begin())] =
                        number(isl_constraint_get_coefficient_val(constraint, isl_dim_param, d));
            }
            equality.constant = number(isl_constraint_get_constant_val(constraint));
            result.push_back(std::move(equality));
        }
        isl_constraint_free(constraint);
    }
    isl_constraint_list_free(constraints);
    isl_basic_set_free(hull);
    return result;
}

namespace {

isl_space* of_dimensions(isl_space* parameters, unsigned from, unsigned to) {
    return isl_space_add_dims(isl_space_add_dims(isl_space_copy(parameters), isl_dim_in, from), isl_dim_out, to);
}

struct Rows {
    isl_mat* equalities;
    isl_mat* inequalities;
};

// Columns: the constant, then those of the constraints.
Rows rows(isl_ctx* context, unsigned columns, llvm::ArrayRef<Constraint> constraints) {
    const auto equalities = static_cast<unsigned>(
        std::count_if(constraints.begin(), constraints.end(), [](const Constraint& c) { return c.equality; }));
    const auto inequalities = static_cast<unsigned>(constraints.size()) - equalities;
    Rows result{isl_mat_alloc(context, equalities, columns + 1), isl_mat_alloc(context, inequalities, columns + 1)};
    int next[2] = {0, 0};
    for (const Constraint& constraint : constraints) {
        isl_mat*& matrix = constraint.equality ? result.equalities : result.inequalities;
        const int row = next[constraint.equality]++;
        for (int column = 0; column <= static_cast<int>(columns); ++column)
            matrix = isl_mat_set_element_si(matrix, row, column, 0);
        const auto put = [&](unsigned column, std::int64_t value) {
            matrix = isl_mat_set_element_val(matrix, row, static_cast<int>(column), isl_val_int_from_si(context, value));
        };
        put(0, constraint.constant);
        for (const auto& [column, coefficient] : constraint.terms)
            put(column + 1, coefficient);
    }
    return result;
}

} // namespace

IntegerSets::IntegerSets(const std::vector<std::string>& parameter_names, const IntegerSets* beside)
    : context_(beside ? beside->context_ : std::shared_ptr<isl_ctx>(isl_ctx_alloc(), isl_ctx_free)) {
    isl_options_set_on_error(context_.get(), ISL_ON_ERROR_CONTINUE);
    isl_ctx_set_max_operations(context_.get(), operation_limit);
    isl_space* space = isl_space_alloc(context_.get(), static_cast<unsigned>(parameter_names.size()), 0, 0);
    for (unsigned k = 0; k < parameter_names.size(); ++k)
        space = isl_space_set_dim_name(space, isl_dim_param, k, parameter_names[k].c_str());
    parameters_ = {space, [context = context_](isl_space* owned) { isl_space_free(owned); }};
}

Map IntegerSets::map(unsigned from, unsigned to, unsigned hidden, llvm::ArrayRef<Constraint> constraints) const {
    isl_space* space = of_dimensions(parameters_.get(), from, to);
    const auto parameters = static_cast<unsigned>(isl_space_dim(space, isl_dim_param));
    const Rows made = rows(context_.get(), parameters + from + to + hidden, constraints);
    isl_basic_map* result = isl_basic_map_from_constraint_matrices(space, made.equalities, made.inequalities, isl_dim_cst,
                                                                   isl_dim_param, isl_dim_in, isl_dim_out, isl_dim_div);
    return {context_, isl_map_from_basic_map(checked(result))};
}

Set IntegerSets::set(unsigned dimensions, llvm::ArrayRef<Constraint> constraints) const {
    return {context_, isl_map_range(map(0, dimensions, 0, constraints).copy())};
}
Set IntegerSets::no_points(unsigned dimensions) const {
    return {context_, isl_set_empty(isl_space_range(of_dimensions(parameters_.get(), 0, dimensions)))};
}
Map IntegerSets::no_pairs(unsigned from, unsigned to) const {
    return {context_, isl_map_empty(of_dimensions(parameters_.get(), from, to))};
}
Map IntegerSets::identity(unsigned dimensions) const {
    return {context_, isl_map_identity(of_dimensions(parameters_.get(), dimensions, dimensions))};
}
void IntegerSets::allow(std::uint64_t operations) const {
    isl_ctx_set_max_operations(context_.get(), operations);
}

void IntegerSets::restart() const {
    isl_ctx_reset_operations(context_.get());
}

} // namespace tpc::passes
