"""What people say to a face and read aloud: cut where they hesitate, and whole. Some can be heard as either."""

CUT = """
can you tell me
could you please
i would like to
i would like to know how
my name is
what is
what is your
how many
where do
what is seven times
what is seven plus
do you know what
she told me that
do you think that
please tell me
i was wondering if
i went to the
because of
so um
i like music and
we could go to the park or
she said that the
it is a very
yesterday i met my
the man who
i think that you should
what time does the
tell me about
if you had to
is there a
i want
i need
give me
explain to me how
i am looking for a
there was once a
when i was
the capital of
we have been to
have you ever
would you
can you
it depends on
my favorite color is
i am from
i live in
i work as a
they told me that i
you know what i mean but
that is not the
in the middle of the
he gave it to his
what do you think about
how much is twenty divided by
please tell me your
he was going to
not only the
without any
she looked at
do you remember when we
what is your favorite
i would like to know
i would like to know what
could you please tell me
do you know where
do you know how many
can you explain why
how old
how much does
how far is it to
where did you
why do you
why are
who was the
which of the
what kind of
what is the meaning of
tell me something about
tell me a story about
i want to ask you
i am thinking about
i think it is
i think we should
my favorite movie is
my brother and i
my sister works for
i was born in
i grew up in a
i have been working on
i have never
i do not know if
i do not know whether
i am not sure if
i am a little
i need to find
i would rather
it is not that i
the thing is that
the reason is
what i mean is
what i wanted to ask is
so the question is
well i
well you know um
okay so
and then we
and after that
but if you
if i were you i would
if it rains we will
when i was young we used to
because i wanted to
even though he
as soon as the
before we could
after he had
although it was
while she was
there are a lot of
there is one more
one of the most
he told her that the
she asked him whether
the old man walked slowly towards the
they were sitting in the garden when
he opened the door and
she had never seen such a
the captain who had been
in the morning of the second
it was the best of
he was so tired that he
the house which stood at the
what is five plus
twenty three times
how much is nine minus
divide ten by
can you add
let us talk about
let me
please give me the
do you prefer tea or
are you more like a
is it possible to
would you mind if
is there any way to
have you heard of
what would happen if
what do you know about the
how do i get to
where can i find a
when does the next
who wrote the
why does my
are there any
did you know that the
could we talk about
can you tell me how to
i have always wanted to
i used to be a
i just wanted to say that
i feel like
i am trying to
i am worried about my
i guess i
i believe that
we were talking about
we need a
my mother is from
my dog is called
my job is to
it seems that
it reminds me of
it takes about
it all started when
that is because
this is the first time i
you said that you
you should have
they never
yesterday we went to see
last summer i
on the other hand
in my opinion
first of all
for example
at the end of the
next to the
a friend of mine who
the best thing about
the girl with the
the river that runs through
not because he was afraid but because
it was raining when we
when the sun rose over the
he turned to his brother and said
she smiled although her
nobody knew whether the
having finished his
instead of
as far as i
no matter how
thirty divided by
what is the square root of
how much is one hundred and
i live near
i am allergic to
remind me to
play me a
""".strip().splitlines()
WHOLE = """
what is your name
where are you from
what are you looking at
who do you work for
how are you
who are you
how old are you
can you sing
tell me a joke
i like music
my name is robert
i am from berlin
i live in a small town
what is seven times eight
no thank you
stop
that is enough
it is raining outside
we went to the park yesterday
i would like a cup of tea
he gave me the book
do you like dogs
i think you are right
what do you think
what can you do
what do you want
i do not know
tell me what it is
i have two brothers
it was a long day
there is nothing to see here
she told me everything
goodbye
thank you very much
the train leaves at nine
could you repeat that please
where does your voice come from
what is the weather like
do you have any hobbies
i love this song
what is your favorite color
i would like to know what time it is
could you please tell me a story
do you know what time it is
do you know where i am
how old is the earth
how much does it cost
how far is it to the moon
where did you learn that
why do you ask
why not
who was the first man on the moon
which one do you like
what kind of music do you like
what is that for
who are you talking to
what are you thinking about
what is it like
what does it look like
where do you come from
where is it
what time is it
tell me who you are
i know who you are
i do not know what that is
that is what i want
i want to know what you think
i am thinking about my holidays
i think so
i do not think so
i hope so
of course
of course i do
yes i am
yes i would
no i have not
no i can not
i would love to
i do not want to
you are right about that
that is all
that is it
come on
go on
go ahead
never mind
i give up
turn it off
come in
the lights went out
he took his coat off
she looked around
we should go
it is up to you
what is up
what happened after that
i have never been there before
i have seen it before
that was a long time ago
he walked slowly towards the old house
she asked him whether he was coming
it was the best of times
he was so tired that he fell asleep
they were sitting in the garden when it started to rain
what is five plus six
divide ten by two
twenty three times four
let us talk about music
let me think
please give me the red one
is it possible to learn that
i was born in nineteen eighty
my brother and i went there
it is time for lunch
i saw him
he told me
tell her
i am tired and hungry
i really like it
it looks like rain
there are many
how many do you have
you too
me too
i do too
same to you
see you later
have a nice day
nice to meet you
what did you say
say that again
do it again
i can hear you
can you see me
do you understand me
you know what i mean
i wonder why
tell me why
i do not know how
show me how
yes please
yes i think you should
maybe
what else do you know
who else is there
he is older than me
she knows more than i do
would you mind if i sat down
is there any way to stop it
have you heard of it
what would happen if i said no
how do i get there
where can i find a good doctor
when does the next train leave
who wrote that
why does my head hurt
are there any others
what is he waiting for
who did you go with
what was that about
which country are you from
how does that work
how did you do that
how long will it take
what should i do
what would you do
who is it
what was it
where were you
how was it
i have always wanted to fly
i just wanted to say thank you
i feel like dancing
i do not believe you
i wish i could
i guess
i guess so
i am worried about my son
we were talking about you
my dog is called rex
my mother is from spain
it reminds me of home
it takes about an hour
that is because i am old
you said that you would
they never came back
yesterday we went to see a play
last summer i went to greece
that makes sense
good idea
not really
not yet
sounds good
i agree
i disagree
absolutely
exactly
that is none of your business
he turned to his brother and smiled
she smiled although her eyes were sad
nobody knew whether the ship would return
when the sun rose over the hills they left
the river that runs through the town is deep
it was raining when we arrived
the letter lay on the table where she had left it
he had nothing to live for
thirty divided by five
what is the square root of nine
i live near the station
remind me to call him
play me a song
put it down
shut up
wake up
hurry up
sit down
hold on
wait a minute
i have to go
i got it
i am done
are you there
are you sure about that
can you do that for me
do you want to
i do
so do i
how about you
what about you
""".strip().splitlines()
