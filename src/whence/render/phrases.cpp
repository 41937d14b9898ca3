#include "whence/render/phrases.h"

namespace whence::render {
namespace {

struct PhraseRow {
    Phrase phrase;
    std::array<std::string_view, 3> wordings;  // English, Russian, Chinese
};

constexpr PhraseRow rows[] = {
    {Phrase::probability,
     {"The model gives “{0}” a probability of {1}.", "Модель оценивает вероятность «{0}» в {1}.",
      "模型认为“{0}”的概率为{1}。"}},
    {Phrase::score,
     {"The model's {2} for “{0}” is {1}.", "{2} модели для «{0}»: {1}.", "模型对“{0}”的{2}为{1}。"}},
    {Phrase::logit, {"score (logit)", "Оценка (логит)", "得分（logit）"}},
    {Phrase::log_probability, {"log-probability", "Логарифм вероятности", "对数概率"}},
    {Phrase::log_loss, {"log-loss", "Логарифмическая потеря", "对数损失"}},
    {Phrase::squared_error, {"squared error", "Квадрат ошибки", "平方误差"}},
    {Phrase::raw, {"output", "Выход", "输出"}},
    {Phrase::compared,
     {"For the input it is compared with (“{0}”) it is {1}; the difference is {2}.",
      "Для данных, с которыми идёт сравнение («{0}»), это значение равно {1}; разница {2}.",
      "对于作为参照的输入（“{0}”），该值为{1}；相差{2}。"}},
    {Phrase::raised,
     {"What raises it most: {0}.", "Сильнее всего его повышают: {0}.", "使其升高最多的是：{0}。"}},
    {Phrase::lowered,
     {"What lowers it most: {0}.", "Сильнее всего его понижают: {0}.", "使其降低最多的是：{0}。"}},
    {Phrase::asks_about,
     {"A small tree that describes it around this input asks about {0}.",
      "Небольшое дерево, описывающее его вблизи этого входа, спрашивает о: {0}.",
      "在此输入附近描述它的小决策树询问的是：{0}。"}},
    {Phrase::nothing,
     {"No part of the input changes it.", "Ни одна часть данных на него не влияет.",
      "输入的任何部分都没有改变它。"}},
    {Phrase::half_mass,
     {"Half of the total weight lies in {0} of the picture.",
      "Половина общего веса приходится на {0} изображения.", "一半的总权重集中在图像的{0}上。"}},
    {Phrase::rule,
     {"If {0}, the model answers “{1}” in {2} of the cases (between {3} and {4}); this is so for {5} "
      "of all cases.",
      "Если {0}, модель отвечает «{1}» в {2} случаев (от {3} до {4}); условие выполнено в {5} всех "
      "случаев.",
      "若{0}，模型在{2}的情形下回答“{1}”（介于{3}与{4}之间）；满足该条件的占全部情形的{5}。"}},
    {Phrase::is_there, {"{0} is there", "{0} присутствует", "有{0}"}},
    {Phrase::is_missing, {"{0} is missing", "{0} отсутствует", "没有{0}"}},
    {Phrase::segment, {"segment {0}", "область {0}", "区域{0}"}},
    {Phrase::missing, {"missing", "нет значения", "缺失"}},
    {Phrase::always,
     {"Whatever the input, the model answers “{0}” in {1} of the cases (between {2} and {3}).",
      "При любых данных модель отвечает «{0}» в {1} случаев (от {2} до {3}).",
      "无论输入如何，模型在{1}的情形下回答“{0}”（介于{2}与{3}之间）。"}},
    {Phrase::counterfactual,
     {"The answer would be “{0}” with these changes: {1}.",
      "Ответ был бы «{0}» при таких изменениях: {1}.", "若作以下改变，答案将是“{0}”：{1}。"}},
    {Phrase::no_counterfactual,
     {"No change was found that gives “{0}”.", "Изменений, дающих «{0}», не найдено.",
      "没有找到能得到“{0}”的改变。"}},
    {Phrase::change, {"{0} from {1} to {2}", "{0}: с {1} на {2}", "{0}从{1}变为{2}"}},
    {Phrase::adds_up,
     {"The values add up to the difference with an error of {0}.",
      "Сумма вкладов равна разнице с погрешностью {0}.", "各项数值之和等于该差值，误差为{0}。"}},
    {Phrase::fit,
     {"The simple model behind these values explains {0} of how the answers vary near this input.",
      "Простая модель, из которой взяты эти значения, объясняет {0} изменений ответа вблизи этих "
      "данных.",
      "得出这些数值的简单模型解释了该输入附近答案变化的{0}。"}},
    {Phrase::unsettled,
     {"For {0} of {1} values even the sign is not certain.",
      "Для {0} из {1} значений не установлен даже знак.", "{1}个数值中有{0}个连正负都不确定。"}},
    {Phrase::not_converged,
     {"The method stopped before it was as exact as asked: take the numbers as rough.",
      "Метод остановлен до достижения заданной точности: считайте числа приблизительными.",
      "该方法在达到要求的精度之前停止：请把这些数字看作粗略值。"}},
    {Phrase::no_cause,
     {"This says what the model used, not what causes what in the world.",
      "Это говорит о том, что использовала модель, а не о причинах в действительности.",
      "这说明模型用了什么，而不是现实中的因果关系。"}},
    {Phrase::separator, {"; ", "; ", "；"}},
};
static_assert(std::size(rows) == phrase_count);

}  // namespace

std::string_view wording(Phrase phrase, Language language) {
    return rows[static_cast<size_t>(phrase)].wordings[static_cast<size_t>(language)];
}

}  // namespace whence::render
